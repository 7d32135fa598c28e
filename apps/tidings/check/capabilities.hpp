#pragma once

#include <vector>

#include "check/finding.hpp"
#include "check/project.hpp"

namespace tidings::check {

/// What the combination of a project's capabilities brings about: findings in its tidings.toml.
using CapabilityWarnings = std::vector<Finding> (*)(const Project& project);

/// Who knows it: the scaffolder. None: nothing is told of capabilities.
[[nodiscard]] CapabilityWarnings capability_warnings();

}  // namespace tidings::check
