#include "stores/postgres/errors.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tidings::stores::postgres {
namespace {

TEST(PostgresErrors, StatesHaveTheCodesOfTheContract) {
  struct Expected {
    const char* state;
    const char* code;
    Retry retry;
  };
  for (const auto& [state, code, retry] : std::array<Expected, 22>{{
           {"23505", "constraint", Retry::never},        {"23503", "constraint", Retry::never},
           {"40002", "constraint", Retry::never},        {"40001", "conflict", Retry::same_call},
           {"40P01", "conflict", Retry::same_call},      {"55P03", "conflict", Retry::same_call},
           {"42601", "sql_error", Retry::never},         {"08P01", "sql_error", Retry::never},
           {"22003", "sql_error", Retry::never},         {"0A000", "sql_error", Retry::never},
           {"08006", "unavailable", Retry::same_call},   {"57P01", "unavailable", Retry::same_call},
           {"57P03", "unavailable", Retry::same_call},   {"53300", "unavailable", Retry::same_call},
           {"53100", "disk_full", Retry::same_call},     {"53200", "out_of_memory", Retry::same_call},
           {"42501", "permission_denied", Retry::never}, {"28P01", "permission_denied", Retry::never},
           {"25006", "read_only", Retry::never},         {"XX001", "corrupt", Retry::never},
           {"57014", "timeout", Retry::same_call},       {"08007", "outcome_unknown", Retry::same_call},
       }}) {
    EXPECT_EQ(kind_of(state).code, code) << state;
    EXPECT_EQ(kind_of(state).retry, retry) << state;
  }
}

TEST(PostgresErrors, AStatementIsShownInPartAndHarmless) {
  EXPECT_EQ(in_statement("select\x1b[31m"), ", in: select\\x1B[31m");
  EXPECT_LT(in_statement(std::string(10'000, 'x')).size(), 300U);
}

}  // namespace
}  // namespace tidings::stores::postgres
