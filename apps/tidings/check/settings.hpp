#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "check/finding.hpp"
#include "tidings/base/result.hpp"

namespace tidings::check {

struct Layer {
  std::string name;  ///< of a folder: `domain` stands for `src/domain`
  std::vector<std::string> may_use;
};

/// What a project's `tidings.toml` says to `tidings check`. Its other keys are the scaffolder's.
struct Settings {
  std::string layout;
  std::vector<std::string> capabilities;  ///< that the project was made with; none: it was not
  std::vector<Layer> layers;              ///< of `[check.layers]`, else of the layout
  std::vector<std::string> ignore;        ///< paths, from the project's folder; `*` within a name, `**` over folders
  std::vector<std::string> external;      ///< topics that others publish or consume
  std::uint32_t lines_max = 1500;
  std::uint32_t includes_max = 60;
  std::map<std::string, Severity, std::less<>> severities;
};

/// Errors (never): `broken_record`, with file and line. `rules` are those that there are; none: any may
/// be named.
[[nodiscard]] Result<Settings> read_settings(const std::string& text, const std::string& path,
                                             const std::vector<std::string>& rules);

[[nodiscard]] std::vector<Layer> layers_of(std::string_view layout);

/// Whether the path is what the pattern says, or stands below it.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view path);

}  // namespace tidings::check
