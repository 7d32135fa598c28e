#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tidings::cli {

/// What the view shows, at one moment.
struct Scene {
  struct Row {
    std::string service;
    std::string state;  ///< running, KILLED, catching up, done
    std::uint64_t handled = 0;
    std::uint64_t lag = 0;
    std::string doing;
  };
  std::string where;
  double seconds = 0;
  std::uint64_t fed = 0;
  std::uint64_t total = 0;
  std::vector<Row> rows;
};

/// The live view: redrawn in place on a terminal, plain lines elsewhere. Restores the terminal when it goes.
class View {
 public:
  enum class Kind { none, plain, live };
  explicit View(Kind kind);
  ~View();
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  /// At most ten times a second (once, on plain lines), but always the last.
  void show(const Scene& scene, bool is_last = false);
  /// Something happened: it stays on the screen.
  void tell(const std::string& line);

 private:
  struct Seen {
    std::uint64_t handled = 0;
    double rate = 0;
  };
  [[nodiscard]] std::string draw(const Scene& scene);
  void erase();

  Kind kind_;
  std::size_t drawn_lines_ = 0;
  bool coloured_ = false;
  std::vector<Seen> seen_;
  std::uint64_t fed_seen_ = 0;
  double fed_rate_ = 0;
  double seconds_seen_ = 0;
  std::chrono::steady_clock::time_point last_{};
};

/// Of the terminal that standard output is, within reason; 80 where it is none.
[[nodiscard]] std::size_t terminal_columns();

/// 1234567 as `1,234,567`.
[[nodiscard]] std::string grouped(std::uint64_t number);

}  // namespace tidings::cli
