#pragma once

#include <string>
#include <vector>

#include "check/finding.hpp"

namespace tidings::check {

/// `file:line:column: severity: what [rule]`, as compilers have it, with what can happen and what to do behind the
/// first of each rule.
[[nodiscard]] std::string to_text(const std::vector<Finding>& findings);
/// One JSON document a line.
[[nodiscard]] std::string to_json_lines(const std::vector<Finding>& findings);
/// SARIF 2.1.0 (OASIS), with all rules.
[[nodiscard]] std::string to_sarif(const std::vector<Finding>& findings, const std::string& version);

/// All rules in a list, one with its examples, and all of that as a page.
[[nodiscard]] std::string rules_as_text();
[[nodiscard]] std::string rules_as_json();
[[nodiscard]] std::string rule_as_text(std::string_view id);
[[nodiscard]] std::string rules_as_markdown();

}  // namespace tidings::check
