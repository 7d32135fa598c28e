#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tidings::scaffold {

/// Pairs of lines, by their numbers from 0, that two texts have in common in the same order: as many as there can be.
/// None but those at the ends, where the texts are too long to compare all.
[[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> common_lines(const std::vector<std::string>& a,
                                                                            const std::vector<std::string>& b);

}  // namespace tidings::scaffold
