#include "saga_json.hpp"

#include <gtest/gtest.h>

namespace tidings::cli {
namespace {

TEST(SagaJson, MasksWhatTheStatesClassMarks) {
  saga::Instance one{.type = "checkout", .id = "7", .state = R"({"id":"7","card":"4111"})"};
  EXPECT_EQ(shown_state(one, false), one.state) << "nothing is marked";
  one.redacted = "/card";
  EXPECT_EQ(shown_state(one, false), R"({"id":"7","card":"***"})");
  EXPECT_EQ(shown_state(one, true), one.state);
  EXPECT_EQ(saga_json(one, false).str().find("4111"), std::string::npos);
  EXPECT_NE(saga_json(one, true).str().find("4111"), std::string::npos);
  one.state = "{broken";
  EXPECT_EQ(shown_state(one, false), R"("***")");
}

}  // namespace
}  // namespace tidings::cli
