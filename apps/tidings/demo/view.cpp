#include "demo/view.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

void put(const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto wrote = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (wrote <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

}  // namespace

bool is_drawable() {
  const char* const terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

Room terminal_room() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {.columns = size.ws_col, .rows = size.ws_row};
}

View::View(Kind kind) : kind_(kind), coloured_(kind == Kind::live && std::getenv("NO_COLOR") == nullptr) {
  if (kind_ == Kind::live) put("\x1b[?25l");
}

View::~View() {
  if (kind_ == Kind::live) put(told_ + "\x1b[?25h");
}

void View::measure(Scene& scene) {
  const auto passed = scene.seconds - seconds_seen_;
  seen_.resize(scene.rows.size());
  const auto smooth = [&](double before, std::uint64_t count, std::uint64_t count_before) {
    const auto rate = passed > 0 && count >= count_before ? static_cast<double>(count - count_before) / passed : 0.0;
    return before == 0 ? rate : rate < 0.5 && before < 2 ? 0.0 : before * 0.7 + rate * 0.3;
  };
  if (passed >= 0.09) {  // less is no measure
    fed_rate_ = smooth(fed_rate_, scene.fed, fed_seen_);
    for (std::size_t i = 0; i < seen_.size(); ++i)
      seen_[i].rate = smooth(seen_[i].rate, scene.rows[i].handled, seen_[i].handled);
  }
  if (passed >= 0.09 || seconds_seen_ == 0) {
    for (std::size_t i = 0; i < seen_.size(); ++i) seen_[i].handled = scene.rows[i].handled;
    fed_seen_ = scene.fed;
    seconds_seen_ = scene.seconds;
  }
  scene.fed_per_second = fed_rate_;
  for (std::size_t i = 0; i < seen_.size(); ++i)
    scene.rows[i].per_second = scene.rows[i].state == Scene::State::killed ? 0 : seen_[i].rate;
}

/// One write a frame, and nothing is cleared before it is written anew: no terminal flickers.
void View::draw(const Scene& scene) {
  const auto room = terminal_room();
  // A terminal that was made narrower has wrapped the last frame's lines meanwhile.
  std::size_t rows = 0;
  for (const auto columns : drawn_columns_) rows += columns == 0 ? 1 : (columns + room.columns - 1) / room.columns;
  std::string out = rows > 0 ? "\x1b[" + std::to_string(rows) + "A\r" : "";
  out += told_;
  told_.clear();
  drawn_columns_.clear();
  for (const auto& line : frame(scene, room, coloured_)) {
    out += line + "\x1b[K\n";
    drawn_columns_.push_back(width(line));
  }
  put(out + "\x1b[J");
}

void View::show(Scene scene, bool is_last) {
  if (kind_ == Kind::none) return;
  const auto now = std::chrono::steady_clock::now();
  if (!is_last && told_.empty() && now - last_ < (kind_ == Kind::live ? 100ms : 1000ms)) return;
  measure(scene);
  last_ = now;
  if (kind_ == Kind::live) return draw(scene);
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%6.1f s", scene.seconds);
  std::string line = std::string(seconds) + "  fed " + std::to_string(scene.fed) + "/" + std::to_string(scene.total);
  for (const auto& row : scene.rows) {
    line += "  " + row.service + " " + std::to_string(row.handled);
    if (row.kills > 0) line += " (" + std::to_string(row.kills) + (row.kills == 1 ? " kill)" : " kills)");
    if (row.state != Scene::State::running)
      line += " (" + to_string(row.state) + ", " + std::to_string(row.lag) + " behind)";
  }
  put(line + "\n");
}

void View::tell(const std::string& line, std::string_view colour) {
  if (kind_ == Kind::none) return;
  if (kind_ == Kind::plain) return put(line + "\n");
  const auto text = "  " + cut(line, terminal_room().columns - 3);
  told_ += (coloured_ && !colour.empty() ? painted(colour, text) : text) + "\x1b[K\n";
}

}  // namespace tidings::cli
