#pragma once

#include <string>

#include "scaffold/report.hpp"

namespace tidings::cli {

/// What the commands that make projects say at their end, on standard error: `new` and `add` alike.
void tell_choice(const scaffold::Resolution& resolution, const std::vector<scaffold::Warning>& found);

}  // namespace tidings::cli
