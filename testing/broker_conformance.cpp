#include "tidings/testing/broker_conformance.hpp"

#include "trial.hpp"

namespace tidings::testing {

namespace {

const std::vector<CaseEntry>& all_entries() {
  static const auto entries = [] {
    std::vector<CaseEntry> all;
    for (const auto& some : {publish_cases(), producer_cases(), group_cases(), acknowledge_cases(), position_cases(),
                             lifecycle_cases(), crash_cases(), service_cases(), load_cases()})
      all.insert(all.end(), some.begin(), some.end());
    return all;
  }();
  return entries;
}

}  // namespace

std::span<const ConformanceCase> broker_conformance_cases() {
  static const auto cases = [] {
    std::vector<ConformanceCase> all;
    for (const auto& entry : all_entries()) all.push_back(entry.about);
    return all;
  }();
  return cases;
}

CaseReport run_broker_case(std::string_view name, const BrokerFixture& make) {
  for (const auto& entry : all_entries()) {
    if (entry.about.name != name) continue;
    Trial trial(make);
    trial.guard(entry.run);
    return trial.report(name);
  }
  return {.name = std::string(name), .verdict = Verdict::failed, .reasons = {"there is no such case"}};
}

std::vector<CaseReport> broker_conformance(const BrokerFixture& make) {
  std::vector<CaseReport> reports;
  for (const auto& known : broker_conformance_cases()) reports.push_back(run_broker_case(known.name, make));
  return reports;
}

}  // namespace tidings::testing
