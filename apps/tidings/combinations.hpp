#pragma once

#include <string>
#include <vector>

#include "check/finding.hpp"
#include "check/project.hpp"

namespace tidings::cli {

/// What the combination of a project's capabilities brings about, as findings in its `tidings.toml`, without what is
/// acknowledged there. What is critical is an error. Nothing for a project that names no capabilities.
///
/// Errors (never): `invalid_record`, those of `scaffold::load_catalogue`.
[[nodiscard]] Result<std::vector<check::Finding>> combination_findings(const check::Project& project,
                                                                       const std::vector<std::string>& capabilities);

}  // namespace tidings::cli
