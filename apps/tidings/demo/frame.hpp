#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::cli {

/// What the view shows, at one moment.
struct Scene {
  enum class State { starting, running, killed, catching_up };
  struct Row {
    std::string service;
    State state = State::starting;
    std::uint64_t handled = 0;
    std::uint64_t lag = 0;
    std::string doing;
    double per_second = 0;
    std::uint64_t kills = 0;  ///< so far
  };
  std::string where;
  double seconds = 0;
  std::uint64_t fed = 0;
  std::uint64_t total = 0;
  double fed_per_second = 0;
  std::vector<Row> rows;
  std::uint64_t lag_full = 1;  ///< what a whole bar of lag stands for
  bool counts_kills = false;   ///< they are shown
  std::string caption;         ///< what is going on, as a sentence
};

[[nodiscard]] std::string to_string(Scene::State state);

struct Room {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// The scene in lines that fit into the room, with a row left for the cursor. Where it is too small, what matters least
/// is left out, and what is still too long is cut: no line is ever wrapped.
[[nodiscard]] std::vector<std::string> frame(const Scene& scene, Room room, bool coloured);

/// `text` in a colour (SGR parameters, such as `1;31`), where there is one.
[[nodiscard]] std::string painted(std::string_view colour, std::string_view text);
/// As much of `text` as takes `columns`; escape sequences take none.
[[nodiscard]] std::string cut(std::string_view text, std::size_t columns);
/// The columns that `text` takes.
[[nodiscard]] std::size_t width(std::string_view text);

/// 1234567 as `1,234,567`.
[[nodiscard]] std::string grouped(std::uint64_t number);

}  // namespace tidings::cli
