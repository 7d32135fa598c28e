#pragma once

#include "testing/servers/server_process.hpp"
#include "tidings/testing/broker_conformance_gtest.hpp"

namespace tidings::testing {

/// `register_broker_conformance` for a broker that needs a server. Where that is missing (`is_there` is an error) each
/// case is there by its name nevertheless, and fails, or is skipped where missing servers are allowed.
inline bool register_server_conformance(const std::string& broker, const Result<>& is_there, const BrokerFixture& make,
                                        const std::vector<std::string>& unsupported = {}) {
  if (is_there) return register_broker_conformance(broker, make, unsupported);
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
  for (const auto& conformance_case : broker_conformance_cases())
    ::testing::RegisterTest(("BrokerConformance_" + broker).c_str(), std::string(conformance_case.name).c_str(),
                            nullptr, nullptr, __FILE__, __LINE__,
                            [why = to_string(is_there.error())]() -> ::testing::Test* { return new NotRun(why); });
  return true;
}

}  // namespace tidings::testing
