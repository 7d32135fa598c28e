#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tidings::cli {

/// A bar, how many in a hundred, and how many events: what fits into so many columns. Blocks where they can be shown.
[[nodiscard]] std::string progress_line(std::uint64_t done, std::uint64_t total, std::uint64_t events,
                                        std::size_t columns, bool utf8);

/// How far a file is read, as a bar on the terminal that standard error is; nothing elsewhere, nor on one that cannot
/// redraw a line.
class Progress {
 public:
  /// `bytes_total` 0: not known, so no bar.
  explicit Progress(std::uint64_t bytes_total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// At most ten times a second.
  void show(std::uint64_t bytes, std::uint64_t events);
  /// Takes the bar away, so that a line may be written.
  void hide();
  /// The last line: how many, in which time.
  void sum_up(std::uint64_t events, const std::string& topic);

 private:
  using Steady = std::chrono::steady_clock;
  bool on_terminal_;
  bool utf8_;
  std::uint64_t bytes_total_;
  Steady::time_point started_ = Steady::now();
  Steady::time_point shown_{};
  bool visible_ = false;
};

}  // namespace tidings::cli
