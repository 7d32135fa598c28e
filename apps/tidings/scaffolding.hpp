#pragma once

#include <string>
#include <vector>

#include "scaffold/report.hpp"

namespace tidings::cli {

/// Takes lists apart at commas and blanks: `outbox, nats`. `option` is said of one in which nothing stands, and of what
/// looks like another option. Error `invalid_choice`.
[[nodiscard]] Result<> split(std::vector<std::string>& lists, const std::string& option);

/// So wide is what these commands say: as the terminal, where it is one, and no more than is read at ease.
[[nodiscard]] std::size_t columns(int descriptor);

/// What the commands that make projects say at their end, on standard error: `new` and `add` alike.
void tell_choice(const scaffold::Resolution& resolution, const std::vector<scaffold::Warning>& found);

}  // namespace tidings::cli
