#pragma once

#include <string>
#include <string_view>

namespace tidings::scaffold {

/// Two changes of one text, together.
struct Merged {
  std::string text;           ///< where the two are in each other's way, as `coming` has it
  std::size_t conflicts = 0;  ///< how often they are
};

/// What `base` becomes with what makes it into `yours` and what makes it into `coming`, by lines. The two are in each
/// other's way where they change the same lines, or lines without one between that neither changes; but not where both
/// do the same.
[[nodiscard]] Merged merge(std::string_view base, std::string_view yours, std::string_view coming);

}  // namespace tidings::scaffold
