#pragma once

#include <string>
#include <vector>

#include "scaffold/resolve.hpp"
#include "scaffold/warnings.hpp"

// What the commands say, as text.
namespace tidings::scaffold {

/// What was taken along and why, and what is suggested.
[[nodiscard]] std::string choice_text(const Resolution& resolution);
/// Each warning in three lines, and how one is acknowledged.
[[nodiscard]] std::string warnings_text(const std::vector<Warning>& found, bool coloured);

/// The matrix: of each capability what it requires, suggests, conflicts with.
[[nodiscard]] std::string matrix_text(const Catalogue& catalogue);
[[nodiscard]] std::string matrix_markdown(const Catalogue& catalogue);
/// One JSON document a line: a capability each.
[[nodiscard]] std::string matrix_json(const Catalogue& catalogue);
/// All of one.
[[nodiscard]] std::string capability_text(const Catalogue& catalogue, const Capability& capability);
[[nodiscard]] std::string capability_json(const Catalogue& catalogue, const Capability& capability);

}  // namespace tidings::scaffold
