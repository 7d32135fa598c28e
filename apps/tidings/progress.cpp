#include "progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace tidings::cli {
namespace {

void put(const std::string& text) {
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;  // an ornament
}

}  // namespace

Progress::Progress(std::uint64_t bytes_total)
    : on_terminal_(::isatty(STDERR_FILENO) != 0), bytes_total_(on_terminal_ ? bytes_total : 0) {}

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
  constexpr std::uint64_t width = 40;
  const auto done = std::min(bytes, bytes_total_);
  std::string bar;
  for (std::uint64_t i = 0; i < width; ++i) bar += i < done * width / bytes_total_ ? "█" : "░";
  put("\r" + bar + " " + std::to_string(done * 100 / bytes_total_) + " %  " + std::to_string(events) + " events");
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
