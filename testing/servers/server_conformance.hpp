#pragma once

#include "testing/servers/server_process.hpp"
#include "tidings/testing/broker_conformance_gtest.hpp"
#include "tidings/testing/store_conformance_gtest.hpp"

namespace tidings::testing {

/// A suite whose server is missing: each case is there by its name nevertheless, and fails, or is skipped where missing
/// servers are allowed.
inline bool register_not_run(const std::string& suite, std::span<const ConformanceCase> cases, const Error& missing) {
  class NotRun : public ::testing::Test {
   public:
    explicit NotRun(std::string why) : why_(std::move(why)) {}
    void TestBody() override {
      if (missing_servers_are_allowed()) GTEST_SKIP() << why_;
      FAIL() << why_;
    }

   private:
    std::string why_;
  };
  for (const auto& conformance_case : cases)
    ::testing::RegisterTest(suite.c_str(), std::string(conformance_case.name).c_str(), nullptr, nullptr, __FILE__,
                            __LINE__, [why = to_string(missing)]() -> ::testing::Test* { return new NotRun(why); });
  return true;
}

/// `register_broker_conformance` for a broker that needs a server; `is_there` is an error where that is missing.
inline bool register_server_conformance(const std::string& broker, const Result<>& is_there, const BrokerFixture& make,
                                        const std::vector<std::string>& unsupported = {}) {
  if (is_there) return register_broker_conformance(broker, make, unsupported);
  return register_not_run("BrokerConformance_" + broker, broker_conformance_cases(), is_there.error());
}

/// `register_store_conformance` likewise.
inline bool register_server_store_conformance(const std::string& store, const Result<>& is_there,
                                              const StoreFixture& make,
                                              const std::vector<std::string>& unsupported = {}) {
  if (is_there) return register_store_conformance(store, make, unsupported);
  return register_not_run("StoreConformance_" + store, store_conformance_cases(), is_there.error());
}

}  // namespace tidings::testing
