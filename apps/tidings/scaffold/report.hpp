#pragma once

#include <string>
#include <vector>

#include "scaffold/project.hpp"
#include "scaffold/resolve.hpp"
#include "scaffold/warnings.hpp"
#include "scaffold/writing.hpp"

// What the commands say, as text.
namespace tidings::scaffold {

/// So wide text is where nobody says otherwise.
inline constexpr std::size_t columns_most = 100;

/// `text` in lines of no more than `columns`, all but the first behind `indent` blanks.
[[nodiscard]] std::string folded(std::string_view text, std::size_t indent, std::size_t columns = columns_most);

/// What was taken along and why, and what is suggested.
[[nodiscard]] std::string choice_text(const Resolution& resolution, std::size_t columns = columns_most);
/// Each warning in three lines, and how one is acknowledged.
[[nodiscard]] std::string warnings_text(const std::vector<Warning>& found, bool coloured,
                                        std::size_t columns = columns_most);

/// Every file of a project, by path, also those that say what it is made of.
[[nodiscard]] std::vector<std::string> paths_of(const Project& project);
/// What `tidings new` made, as one JSON document.
[[nodiscard]] std::string made_json(const std::string& folder, const Project& project,
                                    const std::vector<Warning>& found);
/// What `tidings add` changed, likewise.
[[nodiscard]] std::string refused_json(const Changes& changes);
[[nodiscard]] std::string added_json(const std::string& folder, const Project& project,
                                     const std::vector<Warning>& found, const Changes& changes);

/// The matrix: of each capability what it requires, suggests, conflicts with.
[[nodiscard]] std::string matrix_text(const Catalogue& catalogue, std::size_t columns = columns_most);
[[nodiscard]] std::string matrix_markdown(const Catalogue& catalogue);
/// One JSON document a line: a capability each.
[[nodiscard]] std::string matrix_json(const Catalogue& catalogue);
/// All of one.
[[nodiscard]] std::string capability_text(const Catalogue& catalogue, const Capability& capability,
                                          std::size_t columns = columns_most);
[[nodiscard]] std::string capability_json(const Catalogue& catalogue, const Capability& capability);

}  // namespace tidings::scaffold
