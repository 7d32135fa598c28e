#include "demo/view.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

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

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(width > text.size() ? width - text.size() : 0, ' ');
}
std::string right(const std::string& text, std::size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

std::string bar(double part, std::size_t width) {
  const auto eighths = static_cast<std::size_t>(std::clamp(part, 0.0, 1.0) * static_cast<double>(width * 8));
  static constexpr const char* blocks[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::string out;
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  out += blocks[eighths % 8];
  for (std::size_t i = eighths / 8 + (eighths % 8 != 0 ? 1 : 0); i < width; ++i) out += "░";
  return out;
}

}  // namespace

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::clamp<std::size_t>(size.ws_col, 40, 110);
}

std::string grouped(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

View::View(Kind kind) : kind_(kind), coloured_(kind == Kind::live && std::getenv("NO_COLOR") == nullptr) {
  if (kind_ == Kind::live) put("\x1b[?25l");
}

View::~View() {
  if (kind_ == Kind::live) put("\x1b[?25h");
}

void View::erase() {
  if (drawn_lines_ > 0) put("\x1b[" + std::to_string(drawn_lines_) + "A\r\x1b[J");
  drawn_lines_ = 0;
}

std::string View::draw(const Scene& scene) {
  const auto columns = terminal_columns();
  const auto paint = [&](const char* colour, const std::string& text) {
    return coloured_ ? std::string("\x1b[") + colour + "m" + text + "\x1b[0m" : text;
  };
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", scene.seconds);
  std::string out = "\n  " + paint("1", "Tidings demo") + "  " +
                    paint("2", padded(scene.where.substr(0, columns - 30), columns - 30)) + right(seconds, 9) + "\n\n";
  const auto part = scene.total == 0 ? 1.0 : static_cast<double>(scene.fed) / static_cast<double>(scene.total);
  const auto count = grouped(scene.fed) + " of " + grouped(scene.total) + " orders";
  out += "  fed " + paint("32", bar(part, columns > 66 ? columns - 46 : 20)) + "  " + padded(count, 26) +
         right(grouped(static_cast<std::uint64_t>(fed_rate_)) + "/s", 9) + "\n\n";
  out += paint("2", "  service        state          handled      lag    per s  what it did") + "\n";
  for (std::size_t i = 0; i < scene.rows.size(); ++i) {
    const auto& row = scene.rows[i];
    const char* const colour = row.state == "KILLED" ? "1;31" : row.state == "catching up" ? "33" : "32";
    const char* const mark = row.state == "KILLED" ? "✗ " : "● ";
    out += "  " + paint("1", padded(row.service, 13)) + "  " + paint(colour, mark + padded(row.state, 11)) + "  " +
           right(grouped(row.handled), 7) + "  " + paint(row.lag > 0 ? "33" : "2", right(grouped(row.lag), 7)) + "  " +
           right(grouped(static_cast<std::uint64_t>(seen_[i].rate)), 7) + "  " +
           row.doing.substr(0, columns > 63 ? columns - 62 : 1) + "\n";
  }
  return out + "\n";
}

void View::show(const Scene& scene, bool is_last) {
  if (kind_ == Kind::none) return;
  const auto now = std::chrono::steady_clock::now();
  if (!is_last && now - last_ < (kind_ == Kind::live ? 100ms : 1000ms)) return;
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
  last_ = now;
  if (kind_ == Kind::live) {
    const auto frame = draw(scene);
    // One write a frame: back to its first line, each line cleared behind its text.
    std::string out = drawn_lines_ > 0 ? "\x1b[" + std::to_string(drawn_lines_) + "A\r" : "";
    for (const char c : frame) out += c == '\n' ? std::string("\x1b[K\n") : std::string(1, c);
    drawn_lines_ = static_cast<std::size_t>(std::ranges::count(frame, '\n'));
    put(out);
    return;
  }
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%6.1f s", scene.seconds);
  std::string line = std::string(seconds) + "  fed " + std::to_string(scene.fed) + "/" + std::to_string(scene.total);
  for (const auto& row : scene.rows)
    line +=
        "  " + row.service + " " + std::to_string(row.handled) + (row.state == "running" ? "" : " (" + row.state + ")");
  put(line + "\n");
}

void View::tell(const std::string& line) {
  if (kind_ == Kind::none) return;
  if (kind_ == Kind::live) erase();
  put((kind_ == Kind::live ? "  " : "") + line + "\n");
  last_ = last_ == std::chrono::steady_clock::time_point{} ? last_ : last_ - 1h;  // draw again at once
}

}  // namespace tidings::cli
