#include "log/locked_ranges.hpp"

#include <algorithm>
#include <vector>

namespace tidings::log {

Result<> for_each_lock(File& file, File::Range range, const std::function<void(File::Range)>& see) {
  // The kernel tells one lock within a range, not the first of them: what lies on both sides of it is looked at too.
  std::vector<File::Range> unseen{range};
  while (!unseen.empty()) {
    const auto look = unseen.back();
    unseen.pop_back();
    if (look.length == 0) continue;
    auto held = file.held_by_others(look);
    if (!held) return held.error();
    if (!*held) continue;
    const auto look_end = look.begin + look.length;
    const auto begin = std::max((*held)->begin, look.begin);
    // A length of 0 reaches to the end of all files.
    const auto end = (*held)->length == 0 ? look_end : std::min((*held)->begin + (*held)->length, look_end);
    see({begin, end - begin});
    unseen.push_back({look.begin, begin - look.begin});
    unseen.push_back({end, look_end - end});
  }
  return {};
}

}  // namespace tidings::log
