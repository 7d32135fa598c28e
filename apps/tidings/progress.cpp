#include "progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tidings::cli {
namespace {

void put(const std::string& text) {
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;  // an ornament
}

/// One that understands how to go back and to clear a line.
bool is_capable(const char* terminal) {
  return terminal != nullptr && *terminal != '\0' && std::string_view(terminal) != "dumb";
}

bool shows_utf8() {
  for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string locale(value);
    std::ranges::transform(locale, locale.begin(), [](unsigned char c) { return std::tolower(c); });
    return locale.find("utf-8") != locale.npos || locale.find("utf8") != locale.npos;
  }
  return false;
}

/// As it is now: windows change.
std::size_t columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string progress_line(std::uint64_t done, std::uint64_t total, std::uint64_t events, std::size_t columns,
                          bool utf8) {
  done = std::min(done, total);
  auto percent = std::to_string(done * 100 / total) + " %";
  const auto counted = "  " + std::to_string(events) + " events";
  // The last column stays free: a cursor behind it makes some terminals go to the next line.
  const auto room = columns > 1 ? columns - 1 : 0;
  if (percent.size() > room) return "";
  if (percent.size() + counted.size() <= room) percent += counted;
  constexpr std::size_t least = 5, most = 40;
  const auto left = room - percent.size();
  if (left < least + 1) return percent;
  const std::uint64_t width = std::min(left - 1, most);
  std::string bar;
  for (std::uint64_t i = 0; i < width; ++i) bar += i < done * width / total ? (utf8 ? "█" : "#") : (utf8 ? "░" : "-");
  return bar + " " + percent;
}

Progress::Progress(std::uint64_t bytes_total)
    : on_terminal_(::isatty(STDERR_FILENO) != 0),
      utf8_(shows_utf8()),
      bytes_total_(on_terminal_ && is_capable(std::getenv("TERM")) ? bytes_total : 0) {}

Progress::~Progress() {
  hide();
}

void Progress::hide() {
  if (visible_) put("\r\x1b[K");
  visible_ = false;
}

void Progress::show(std::uint64_t bytes, std::uint64_t events) {
  const auto now = Steady::now();
  if (bytes_total_ == 0 || now - shown_ < std::chrono::milliseconds{100}) return;
  shown_ = now;
  visible_ = true;
  put("\r\x1b[K" + progress_line(bytes, bytes_total_, events, columns(), utf8_));
}

void Progress::sum_up(std::uint64_t events, const std::string& topic) {
  hide();
  if (!on_terminal_) return;
  const std::chrono::duration<double> took = Steady::now() - started_;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", took.count());
  put("published " + std::to_string(events) + (events == 1 ? " event to " : " events to ") + topic + " in " + seconds +
      "\n");
}

}  // namespace tidings::cli
