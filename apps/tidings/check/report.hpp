#pragma once

#include <span>
#include <string>
#include <vector>

#include "check/finding.hpp"
#include "check/rule.hpp"

namespace tidings::check {

/// `file:line:column: severity: what [rule]`, as compilers have it, with what can happen and what to do behind the
/// first of each rule.
[[nodiscard]] std::string to_text(const std::vector<Finding>& findings);
/// One JSON document a line.
[[nodiscard]] std::string to_json_lines(const std::vector<Finding>& findings);
/// SARIF 2.1.0 (OASIS), with all rules, of which the findings are.
[[nodiscard]] std::string to_sarif(const std::vector<Finding>& findings, const std::string& version,
                                   std::span<const RuleText> rules);

/// All rules in a list, one with its examples, and all of that as a page.
[[nodiscard]] std::string rules_as_text(std::span<const RuleText> rules);
[[nodiscard]] std::string rules_as_json(std::span<const RuleText> rules);
[[nodiscard]] std::string rule_as_text(std::string_view id, std::span<const RuleText> rules);
[[nodiscard]] std::string rules_as_markdown(std::span<const RuleText> rules);

}  // namespace tidings::check
