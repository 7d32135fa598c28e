#include "testing/servers/postgres_under_test.hpp"
#include "testing/servers/server_conformance.hpp"

namespace {

const bool registered = tidings::testing::register_server_store_conformance(
    "postgres", tidings::testing::postgres_is_there(),
    [] { return std::make_unique<tidings::testing::PostgresUnderTest>(); });

}  // namespace
