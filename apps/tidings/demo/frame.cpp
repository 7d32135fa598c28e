#include "demo/frame.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

constexpr std::size_t columns_max = 90;
constexpr std::size_t lag_bar_columns = 10;

/// A bar of whole and eighth blocks; `rest` fills what is left of it.
std::string bar(double part, std::size_t columns, const char* rest) {
  const auto eighths = static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * static_cast<double>(columns * 8));
  static constexpr const char* blocks[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::string out;
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  out += blocks[eighths % 8];
  for (std::size_t i = eighths / 8 + (eighths % 8 != 0 ? 1 : 0); i < columns; ++i) out += rest;
  return out;
}

std::string blanks(std::size_t columns) {
  return std::string(columns, ' ');
}

/// The size of the character that begins at `at`, or of the escape sequence.
std::size_t size_at(std::string_view text, std::size_t at) {
  if (text[at] == '\x1b') return std::min(text.find('m', at), text.size() - 1) + 1 - at;
  auto end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  return end - at;
}

/// East Asian characters take two, which is all that matters here: what combines or hides is escaped before.
std::size_t columns_of(std::string_view character) {
  if (character.front() == '\x1b') return 0;
  const auto lead = static_cast<unsigned char>(character.front());
  return lead >= 0xe3 || (lead == 0xe1 && static_cast<unsigned char>(character[1]) == 0x84) ? 2 : 1;
}

struct Column {
  std::string heading;
  bool to_the_right = false;
  std::size_t before = 1;  // blanks
  int rank = 0;            // the highest is left out first; 0 never
  std::vector<std::string> cells = {};
  std::vector<std::string> colours = {};
  std::size_t columns = 0;
};

std::string colour_of(Scene::State state) {
  switch (state) {
    case Scene::State::killed:
      return "1;31";
    case Scene::State::catching_up:
      return "1;33";
    case Scene::State::running:
      return "32";
    case Scene::State::starting:
      break;
  }
  return "2";
}

std::vector<Column> table_of(const Scene& scene, std::size_t columns) {
  std::vector<Column> all{{.heading = "service", .before = 2},
                          {.heading = "state", .before = 2},
                          {.heading = "kills", .to_the_right = true, .rank = 2},
                          {.heading = "handled", .to_the_right = true, .rank = 1},
                          {.heading = "per s", .to_the_right = true, .rank = 4},
                          {.heading = "lag", .to_the_right = true},
                          {.heading = "", .rank = 3},
                          {.heading = "what it does", .rank = 5}};
  const auto least = std::to_array<std::size_t>({13, 13, 5, 7, 6, 6, lag_bar_columns, 14});
  for (const auto& row : scene.rows) {
    const auto part = static_cast<double>(row.lag) / static_cast<double>(std::max<std::uint64_t>(scene.lag_full, 1));
    const std::string cells[] = {row.service,
                                 (row.state == Scene::State::killed ? "✗ " : "● ") + to_string(row.state),
                                 grouped(row.kills),
                                 grouped(row.handled),
                                 grouped(static_cast<std::uint64_t>(std::llround(row.per_second))),
                                 grouped(row.lag),
                                 bar(part, lag_bar_columns, " "),
                                 row.doing};
    const std::string colours[] = {
        "1", colour_of(row.state), row.kills > 0 ? "" : "2", "", "", part * lag_bar_columns * 8 >= 1 ? "33" : "2", "33",
        ""};
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].cells.push_back(cells[i]);
      all[i].colours.push_back(colours[i]);
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].columns = std::max(least[i], width(all[i].heading));
    for (const auto& cell : all[i].cells) all[i].columns = std::max(all[i].columns, width(cell));
  }
  if (!scene.counts_kills) all.erase(all.begin() + 2);
  const auto sum = [&] {
    std::size_t taken = 0;
    for (const auto& one : all) taken += one.before + one.columns;
    return taken;
  };
  while (sum() > columns) {
    const auto least_wanted = std::ranges::max_element(all, {}, &Column::rank);
    if (least_wanted->rank == 0) break;
    all.erase(least_wanted);
  }
  return all;
}

/// A line, and how much it matters.
struct Line {
  std::string text;
  int rank = 0;
};

class Frame {
 public:
  Frame(const Scene& scene, Room room, bool coloured)
      : scene_(scene),
        // The last column stays free: a terminal may wrap what fills it.
        columns_(std::min(room.columns, columns_max + 1) - (room.columns > 1 ? 1 : 0)),
        rows_(room.rows > 1 ? room.rows - 1 : 1),
        coloured_(coloured) {}

  std::vector<std::string> draw() {
    add("", 1);
    add(title(), 4);
    add("", 1);
    add(fed(), 9);
    add("", 1);
    add_table();
    add("", 1);
    add("  " + scene_.caption, 5);
    while (lines_.size() > rows_) {
      const auto least = std::ranges::min(lines_, {}, &Line::rank).rank;
      const auto last = std::ranges::find(lines_.rbegin(), lines_.rend(), least, &Line::rank);
      lines_.erase(std::next(last).base());
    }
    std::vector<std::string> drawn;
    for (const auto& line : lines_) {
      drawn.push_back(cut(line.text, columns_));
      drawn.back().erase(drawn.back().find_last_not_of(' ') + 1);
    }
    return drawn;
  }

 private:
  [[nodiscard]] std::string paint(std::string_view colour, const std::string& text) const {
    return coloured_ && !colour.empty() && !text.empty() ? painted(colour, text) : text;
  }

  void add(std::string text, int rank) { lines_.push_back({std::move(text), rank}); }

  [[nodiscard]] std::string title() const {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.1f s", scene_.seconds);
    const std::string name = "  Tidings demo";
    const std::string time = seconds;
    const auto taken = name.size() + 2 + time.size();
    if (taken >= columns_) return "  " + paint("1", name.substr(2));
    const auto room = columns_ - taken;
    const auto where = room > 12 ? "  " + cut(printable(scene_.where), room - 2) : std::string();
    return "  " + paint("1", name.substr(2)) + paint("2", where) + blanks(room - width(where) + 2) + time;
  }

  [[nodiscard]] std::string fed() const {
    const auto part = scene_.total == 0 ? 1.0 : static_cast<double>(scene_.fed) / static_cast<double>(scene_.total);
    auto count = grouped(scene_.fed) + " of " + grouped(scene_.total) + " orders";
    // As wide as it will ever be, so that the bar stands still.
    count = blanks(2 * grouped(scene_.total).size() + 11 - count.size()) + count;
    const auto rate = grouped(static_cast<std::uint64_t>(std::llround(scene_.fed_per_second))) + "/s";
    const std::string begin = "  fed  ";
    constexpr std::size_t rate_columns = 11, bar_min = 8;
    auto end = "  " + count;
    if (begin.size() + bar_min + end.size() + rate_columns <= columns_)
      end += blanks(rate_columns - std::min(rate_columns, rate.size())) + rate;
    if (begin.size() + bar_min + end.size() > columns_) return "  fed " + count.substr(count.find_first_not_of(' '));
    return begin + paint("32", bar(part, columns_ - begin.size() - end.size(), "░")) + end;
  }

  void add_table() {
    const auto table = table_of(scene_, columns_);
    const auto line = [&](auto cell_of, auto colour_of_cell) {
      std::string text;
      std::size_t pending = 0;  // blanks: none stand at the end of a line
      for (const auto& column : table) {
        const std::string cell = cell_of(column);
        const auto pad = column.columns - width(cell);
        pending += column.before + (column.to_the_right ? pad : 0);
        const auto trimmed = cell.substr(0, cell.find_last_not_of(' ') + 1);
        if (!trimmed.empty()) {
          text += blanks(pending) + paint(colour_of_cell(column), trimmed);
          pending = cell.size() - trimmed.size();
        } else {
          pending += width(cell);
        }
        pending += column.to_the_right ? 0 : pad;
      }
      return text;
    };
    add(line([](const Column& column) { return column.heading; }, [](const Column&) { return std::string("2"); }), 3);
    for (std::size_t i = 0; i < scene_.rows.size(); ++i)
      add(line([&](const Column& column) { return column.cells[i]; },
               [&](const Column& column) { return column.colours[i]; }),
          scene_.rows[i].state == Scene::State::killed || scene_.rows[i].state == Scene::State::catching_up ? 8 : 6);
  }

  const Scene& scene_;
  const std::size_t columns_;
  const std::size_t rows_;
  const bool coloured_;
  std::vector<Line> lines_;
};

}  // namespace

std::string to_string(Scene::State state) {
  switch (state) {
    case Scene::State::starting:
      return "starting";
    case Scene::State::running:
      return "running";
    case Scene::State::killed:
      return "KILLED";
    case Scene::State::catching_up:
      break;
  }
  return "catching up";
}

std::vector<std::string> frame(const Scene& scene, Room room, bool coloured) {
  return Frame(scene, room, coloured).draw();
}

std::string painted(std::string_view colour, std::string_view text) {
  return "\x1b[" + std::string(colour) + "m" + std::string(text) + "\x1b[0m";
}

std::string cut(std::string_view text, std::size_t columns) {
  std::string out;
  std::size_t taken = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto character = text.substr(at, size_at(text, at));
    at += character.size();
    // Escape sequences behind the cut stay: the last of them ends the colour.
    if (taken + columns_of(character) <= columns || character.front() == '\x1b')
      out += character;
    else
      columns = 0;
    taken += columns_of(character);
  }
  return out;
}

std::size_t width(std::string_view text) {
  std::size_t taken = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto character = text.substr(at, size_at(text, at));
    at += character.size();
    taken += columns_of(character);
  }
  return taken;
}

std::string grouped(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

}  // namespace tidings::cli
