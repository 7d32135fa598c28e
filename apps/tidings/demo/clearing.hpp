#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace tidings::cli {

/// How `clear_away` goes about it.
struct Clearing {
  std::function<bool()> is_unwanted;           ///< asked before every file: true ends it
  std::function<void()> takes_long;            ///< called once, when it takes longer than
  std::chrono::milliseconds long_after{1000};  ///< this
};

/// Removes a folder with everything in it, and says whether all of it is gone. Tens of thousands of files may take
/// minutes on a slow disk. Links are removed, not followed.
bool clear_away(const std::string& directory, const Clearing& how);

}  // namespace tidings::cli
