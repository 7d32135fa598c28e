#include "findings.hpp"

namespace tidings::testing {

bool Findings::check(bool holds, const std::string& what) {
  constexpr std::size_t told_max = 10;
  if (!holds && failures_.size() < told_max)
    failures_.push_back(what);
  else if (!holds)
    ++failures_more_;
  return holds;
}

void Findings::require(bool holds, const std::string& what) {
  if (!check(holds, what)) throw Stop{};
}

void Findings::unsupported(const std::string& why) {
  unsupported_ = why;
  throw Stop{};
}

void Findings::take_over(const Findings& other) {
  for (const auto& failure : other.failures_) check(false, failure);
  failures_more_ += other.failures_more_;
  if (!other.failures_.empty()) throw Stop{};
  if (!other.unsupported_.empty()) unsupported(other.unsupported_);
}

CaseReport Findings::report(std::string_view name) const {
  CaseReport report{.name = std::string(name), .reasons = failures_};
  if (!failures_.empty()) {
    report.verdict = Verdict::failed;
    if (failures_more_ > 0) report.reasons.push_back("and " + std::to_string(failures_more_) + " more");
  } else if (!unsupported_.empty()) {
    report.verdict = Verdict::unsupported;
    report.reasons = {unsupported_};
  }
  return report;
}

}  // namespace tidings::testing
