#pragma once

#include <string>

#include "commands.hpp"

namespace tidings::cli {

/// The folder that `argument` names, as `DIR` or `log:DIR`; where it is empty, that of the broker. Error `invalid_url`
/// where the broker keeps no folder.
[[nodiscard]] Result<std::string> log_folder(const Common& common, const std::string& argument);

/// Whether it is named with `?any_file_system=true`.
[[nodiscard]] bool on_any_file_system(const Common& common, const std::string& argument);

/// What it means that the folder could not be opened: says what to do where there is none.
[[nodiscard]] Error why_no_log(const Error& error, const std::string& path);

}  // namespace tidings::cli
