#include "log/lock_holders.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

namespace tidings::log {
namespace {

/// The names of files that a log locks; others are not even looked at, since a look may hang (network file systems).
bool may_be_ours(std::string_view target) {
  return target.ends_with("/slots.lock") || target.ends_with("/openers.lock") ||
         target.find("/groups/") != std::string_view::npos;
}

std::string link_target(const std::string& path) {
  char text[PATH_MAX];
  const auto size = ::readlink(path.c_str(), text, sizeof text);
  return size < 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
}

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code gone;
  for (auto entry = std::filesystem::directory_iterator(path, gone); !gone && entry != std::filesystem::end(entry);
       entry.increment(gone))
    names.push_back(entry->path().filename().string());
  return names;
}

/// `lock: 1: OFDLCK ADVISORY WRITE -1 fe:00:123 5 5`: the range of bytes, both of them in it.
std::optional<std::pair<std::uint64_t, std::uint64_t>> lock_range(const std::string& line) {
  if (!line.starts_with("lock:") || line.find("OFDLCK") == line.npos) return std::nullopt;
  std::istringstream words(line);
  std::string word, before;
  std::string at;
  while (words >> word) {
    before = std::move(at);
    at = word;
  }
  std::uint64_t begin = 0;
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();  // EOF
  if (std::from_chars(before.data(), before.data() + before.size(), begin).ec != std::errc{}) return std::nullopt;
  if (at != "EOF" && std::from_chars(at.data(), at.data() + at.size(), last).ec != std::errc{}) return std::nullopt;
  return std::pair{begin, last};
}

struct MappedPage {
  std::uint64_t at = 0;
  std::uint64_t number = 0;
  std::string path;
};
/// `7f0000000000-7f0000001000 ---s 00100000 fe:00 1234    /log/orders/openers.lock`
std::optional<MappedPage> mapped_lock(const std::string& line) {
  if (!line.ends_with("/openers.lock")) return std::nullopt;
  std::istringstream words(line);
  std::string range, access, device;
  MappedPage page;
  words >> range >> access >> std::hex >> page.at >> device >> std::dec >> page.number >> std::ws;
  std::getline(words, page.path);
  if (!words || access != "---s") return std::nullopt;
  return page;
}

}  // namespace

LockHolders::LockHolders() {
  for (const auto& name : names_in("/proc")) {
    ProcessInspection process;
    const auto* const end = name.data() + name.size();
    if (const auto [stop, error] = std::from_chars(name.data(), end, process.pid); error != std::errc{} || stop != end)
      continue;
    const auto folder = std::filesystem::path("/proc") / name;
    const auto note = [&](const FileId& file, std::uint64_t begin, std::uint64_t last) {
      if (process.command.empty()) std::getline(std::ifstream(folder / "comm"), process.command);
      locks_.emplace(file, Lock{begin, last, process});
    };
    // Who has many partitions open keeps their locks by mappings alone: of the page in which the byte lies.
    std::ifstream maps(folder / "maps");
    for (std::string line; std::getline(maps, line);) {
      const auto page = mapped_lock(line);
      if (!page) continue;
      struct stat status{};
      if (::stat((folder / "root").string().append(page->path).c_str(), &status) != 0 || status.st_ino != page->number)
        continue;
      note({status.st_dev, status.st_ino}, page->at, page->at + 4095);
    }
    for (const auto& descriptor : names_in(folder / "fd")) {
      const auto link = folder / "fd" / descriptor;
      if (!may_be_ours(link_target(link))) continue;
      struct stat status{};
      if (::stat(link.c_str(), &status) != 0) continue;
      std::ifstream info(folder / "fdinfo" / descriptor);
      for (std::string line; std::getline(info, line);) {
        const auto range = lock_range(line);
        if (range) note({status.st_dev, status.st_ino}, range->first, range->second);
      }
    }
  }
}

std::vector<ProcessInspection> LockHolders::holders(FileId file, File::Range range) const {
  std::vector<ProcessInspection> all;
  const auto [begin, end] = locks_.equal_range(file);
  for (auto lock = begin; lock != end; ++lock) {
    const auto& [from, last, process] = lock->second;
    if (from >= range.begin + range.length || last < range.begin) continue;
    if (std::ranges::find(all, process) == all.end()) all.push_back(process);
  }
  std::ranges::sort(all, {}, &ProcessInspection::pid);
  return all;
}

std::optional<ProcessInspection> LockHolders::holder(FileId file, File::Range range) const {
  const auto all = holders(file, range);
  return all.empty() ? std::nullopt : std::optional{all.front()};
}

}  // namespace tidings::log
