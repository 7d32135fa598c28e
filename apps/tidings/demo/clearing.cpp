#include "demo/clearing.hpp"

#include <filesystem>
#include <ranges>
#include <vector>

namespace tidings::cli {

namespace fs = std::filesystem;

bool clear_away(const std::string& directory, const Clearing& how) {
  const auto until = std::chrono::steady_clock::now() + how.long_after;
  bool told = false;
  std::vector<fs::path> folders{directory};
  for (std::size_t at = 0; at < folders.size(); ++at) {
    std::error_code error;
    fs::directory_iterator entry(folders[at], error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (how.is_unwanted()) return false;
      if (!told && std::chrono::steady_clock::now() >= until) {
        told = true;
        how.takes_long();
      }
      std::error_code ignored;  // what cannot be removed leaves its folder, and that is the answer
      if (entry->is_directory(ignored) && !entry->is_symlink(ignored))
        folders.push_back(entry->path());
      else
        fs::remove(entry->path(), ignored);
    }
  }
  std::error_code error;
  for (const auto& folder : folders | std::views::reverse) fs::remove(folder, error);
  return !fs::exists(directory, error);
}

}  // namespace tidings::cli
