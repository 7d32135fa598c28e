#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What the suites have in common: cases by name, and what came of each.
namespace tidings::testing {

struct ConformanceCase {
  std::string_view name;     ///< `delivers_every_acknowledged_publish`
  std::string_view meaning;  ///< in a sentence
};

enum class Verdict { passed, failed, unsupported };

[[nodiscard]] std::string_view to_string(Verdict verdict);

struct CaseReport {
  std::string name;
  Verdict verdict = Verdict::passed;
  std::vector<std::string> reasons;  ///< what failed; or what is lacking, for the case or in what it is about
};

/// A line for each, and under it the reasons.
[[nodiscard]] std::string to_text(std::span<const CaseReport> reports);

}  // namespace tidings::testing
