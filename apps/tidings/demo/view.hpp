#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "demo/frame.hpp"

namespace tidings::cli {

/// The live view: redrawn in place on a terminal, plain lines elsewhere. Restores the terminal when it goes.
class View {
 public:
  enum class Kind { none, plain, live };
  explicit View(Kind kind);
  ~View();
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  /// At most ten times a second (once, on plain lines), but always the last. The rates are the view's to fill in.
  void show(Scene scene, bool is_last = false);
  /// Something happened: it stays on the screen, in the colour where there are any.
  void tell(const std::string& line, std::string_view colour = "");

 private:
  struct Seen {
    std::uint64_t handled = 0;
    double rate = 0;
  };
  void measure(Scene& scene);
  void draw(const Scene& scene);

  Kind kind_;
  bool coloured_ = false;
  std::string told_;                        // since the last frame
  std::vector<std::size_t> drawn_columns_;  // of each line of the last frame
  std::vector<Seen> seen_;
  std::uint64_t fed_seen_ = 0;
  double fed_rate_ = 0;
  double seconds_seen_ = 0;
  std::chrono::steady_clock::time_point last_{};
};

/// Whether standard output is a terminal that can be drawn on.
[[nodiscard]] bool is_drawable();

/// Of the terminal that standard output is; 80 by 24 where it is none, or does not say.
[[nodiscard]] Room terminal_room();

}  // namespace tidings::cli
