#include "tidings/testing/store_conformance.hpp"

#include "store_trial.hpp"

namespace tidings::testing {

namespace {

const std::vector<StoreCaseEntry>& all_entries() {
  static const auto entries = [] {
    std::vector<StoreCaseEntry> all;
    for (const auto& some : {store_value_cases(), store_statement_cases(), store_transaction_cases(),
                             store_schema_cases(), store_turn_cases(), store_concurrency_cases(), store_outage_cases()})
      all.insert(all.end(), some.begin(), some.end());
    return all;
  }();
  return entries;
}

}  // namespace

std::span<const ConformanceCase> store_conformance_cases() {
  static const auto cases = [] {
    std::vector<ConformanceCase> all;
    for (const auto& entry : all_entries()) all.push_back(entry.about);
    return all;
  }();
  return cases;
}

CaseReport run_store_case(std::string_view name, const StoreFixture& make) {
  for (const auto& entry : all_entries()) {
    if (entry.about.name != name) continue;
    StoreTrial trial(make);
    trial.guard([&] { entry.run(trial); });
    return trial.report(name);
  }
  return {.name = std::string(name), .verdict = Verdict::failed, .reasons = {"there is no such case"}};
}

std::vector<CaseReport> store_conformance(const StoreFixture& make) {
  std::vector<CaseReport> reports;
  for (const auto& known : store_conformance_cases()) reports.push_back(run_store_case(known.name, make));
  return reports;
}

}  // namespace tidings::testing
