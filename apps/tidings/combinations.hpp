#pragma once

#include <string>
#include <vector>

#include "check/finding.hpp"
#include "check/project.hpp"
#include "check/rule.hpp"
#include "scaffold/catalogue.hpp"

namespace tidings::cli {

/// What may be found, as rules: for lists, for explanations, for settings.
[[nodiscard]] std::vector<check::RuleText> combination_rules(const scaffold::Catalogue& catalogue);

/// What the combination of a project's capabilities brings about, as findings in its `tidings.toml`, without what is
/// acknowledged there. What is critical is an error, unless [check.severity] says otherwise. Nothing for a project that
/// names no capabilities.
///
/// Error `invalid_record` (never).
[[nodiscard]] Result<std::vector<check::Finding>> combination_findings(const check::Project& project,
                                                                       const scaffold::Catalogue& catalogue);

}  // namespace tidings::cli
