#include <unistd.h>

#include <algorithm>

#include "commands.hpp"
#include "dashboard/collector.hpp"
#include "dashboard/letters.hpp"
#include "dashboard/pauses.hpp"
#include "demo/frame.hpp"
#include "demo/view.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "tidings/base/redact.hpp"
#include "tidings/base/text.hpp"

// `tidings top`: the dashboard's overview on a terminal.
namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds period = 1s;
constexpr Duration letters_max = 500ms;
constexpr Duration letters_max_once = 10s;
constexpr int looks_once = 3;       // rates are of the time between looks
constexpr int looks_once_max = 13;  // what stands still is called so after ten seconds, and not before

std::string rate(double value) {
  if (value > 0 && value < 10) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
  }
  return grouped(static_cast<std::uint64_t>(std::max(0.0, value) + 0.5));
}

const char* colour_of(Doing doing) {
  switch (doing) {
    case Doing::idle:
      return "2";
    case Doing::ok:
      return "32";
    case Doing::behind:
      return "33";
    case Doing::stalled:
      return "1;33";
    case Doing::down:
      return "1;31";
  }
  return "";
}

/// A shape too, for who sees no colours.
const char* shape_of(Doing doing) {
  switch (doing) {
    case Doing::idle:
      return "○ ";
    case Doing::ok:
      return "● ";
    case Doing::behind:
      return "▲ ";
    case Doing::stalled:
      return "■ ";
    case Doing::down:
      return "✕ ";
  }
  return "";
}

std::string word_of(const GroupState& group) {
  return group.judgement.doing == Doing::idle && !group.has_members ? "nobody"
                                                                    : std::string(name_of(group.judgement.doing));
}

std::vector<const GroupState*> worst_first(const Picture& picture) {
  std::vector<const GroupState*> groups;
  for (const auto& one : picture.groups) groups.push_back(&one);
  std::ranges::stable_sort(groups, [](const auto* a, const auto* b) {
    return std::pair(a->judgement.doing, a->lag) > std::pair(b->judgement.doing, b->lag);
  });
  return groups;
}

std::string sums_of(const Picture& picture) {
  return "published " + rate(picture.published) + "/s   handled " + rate(picture.handled) + "/s   parked " +
         rate(picture.parked) + "/s   lag " + grouped(picture.lag) + "   dead letters " + grouped(picture.open_letters);
}

/// The rows of the table, in columns as wide as they get; of more than `rows_max` the last says how many are left out.
std::vector<std::string> lines_of(const Picture& picture, std::size_t rows_max, bool coloured) {
  const std::vector<std::string> heading{"status", "group", "topic", "lag", "per s", "parked", ""};
  std::vector<std::vector<std::string>> cells{heading};
  const auto groups = worst_first(picture);
  for (const auto* const one : groups)
    cells.push_back({shape_of(one->judgement.doing) + word_of(*one), printable(one->group), printable(one->topic),
                     grouped(one->lag), rate(one->judgement.handled_rate), grouped(one->open_letters),
                     printable(one->judgement.reason)});
  std::vector<std::size_t> widths(heading.size(), 0);
  for (const auto& row : cells)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < cells.size(); ++at) {
    if (lines.size() == rows_max && cells.size() > rows_max) {
      lines.back() = "  and " + std::to_string(cells.size() - at + 1) + " more that do better";
      break;
    }
    std::string line;
    for (std::size_t i = 0; i < heading.size(); ++i) {
      const auto& cell = cells[at][i];
      const std::string pad(widths[i] - width(cell), ' ');
      const bool is_number = i >= 3 && i <= 5;
      auto text = is_number ? pad + cell : cell + pad;
      if (coloured && at == 0)
        text = painted("2", text);
      else if (coloured && i == 0)
        text = painted(colour_of(groups[at - 1]->judgement.doing), text);
      line += "  " + text;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

class Top {
 public:
  Top(Broker& broker, const Common& common, bool once)
      : broker_(broker),
        common_(common),
        once_(once),
        draws_(!once && !common.json && is_drawable()),
        collector_(common) {}
  ~Top() {
    if (draws_ && any_) (void)write_out("\x1b[?25h");
  }
  Top(const Top&) = delete;
  Top& operator=(const Top&) = delete;

  int run() {
    for (int looks = 1;; ++looks) {
      auto seen = observe(broker_, common_);
      if (!seen && looks == 1) return fail(seen.error());
      if (seen) {
        pauses_.look(broker_, common_, *seen, collector_);
        // Of many groups those that are left over come with the next look; `--once` reads all.
        letters_.look(broker_, common_, *seen, system_clock().steady_now() + (once_ ? letters_max_once : letters_max),
                      system_clock());
        collector_.set_open_letters(letters_.open_counts());
        collector_.take(std::move(*seen));
      } else {
        collector_.take_problem(seen.error(), system_clock().now());
      }
      const bool is_last =
          once_ && (looks >= looks_once_max || (looks >= looks_once && !may_be_stalled(*collector_.picture())));
      if (!once_ || is_last)
        if (auto shown = show(*collector_.picture()); !shown)
          return shown.error().code == "closed_pipe" || shown.error().code == "interrupted" ? status_after_signals(done)
                                                                                            : fail(shown.error());
      if (is_last) return done;
      if (await(-1, 0, period) == Awaited::interrupted) return status_after_signals(done);
    }
  }

 private:
  /// Who asks once is to hear of what stands still, which two seconds do not show.
  static bool may_be_stalled(const Picture& picture) {
    return std::ranges::any_of(picture.groups, [](const GroupState& one) {
      const auto& judged = one.judgement;
      return one.has_members && one.lag > 0 && judged.handled_rate <= 0 && judged.reason.empty() &&
             judged.doing < Doing::stalled;
    });
  }

  Result<> show(const Picture& picture) {
    if (common_.json)
      return write_out(harmless_json(overview_json(picture, collector_, std::nullopt, picture.now)) + "\n");
    const auto room = draws_ ? terminal_room() : Room{.columns = 0, .rows = 0};
    std::vector<std::string> lines{"",
                                   "  " + (draws_ ? painted("1", "Tidings top") : "Tidings top") + "  " +
                                       printable(redacted(common_.broker)) + "  " +
                                       to_rfc3339(std::chrono::floor<std::chrono::seconds>(picture.now)),
                                   "", "  " + sums_of(picture), ""};
    if (!draws_) lines = {sums_of(picture)};
    if (!picture.problem.empty()) lines.push_back("  the broker does not answer: " + printable(picture.problem));
    for (const auto& one : picture.damaged)
      lines.push_back("  damaged: " + printable(one.name()) + ": " + printable(one.message));
    if (picture.groups.empty()) lines.emplace_back("  no groups yet; a subscriber makes one");
    const auto left = room.rows > lines.size() + 2 ? room.rows - lines.size() - 1 : 1;
    if (!picture.groups.empty())
      std::ranges::move(lines_of(picture, draws_ ? left : picture.groups.size() + 2, draws_),
                        std::back_inserter(lines));
    std::string out = any_ && draws_ ? "\x1b[H" : draws_ ? "\x1b[2J\x1b[H\x1b[?25l" : "";
    any_ = true;
    for (const auto& line : lines) out += (draws_ ? cut(line, room.columns - 1) + "\x1b[K" : line) + "\n";
    return write_out(out + (draws_ ? "\x1b[J" : ""));
  }

  Broker& broker_;
  const Common& common_;
  const bool once_;
  const bool draws_;
  Collector collector_;
  LetterBoard letters_;
  Pauses pauses_;
  bool any_ = false;
};

}  // namespace

int top(const Common& common, const TopArguments& arguments) {
  if (auto valid = check_names(common, ""); !valid) return fail(valid.error());
  catch_signals();
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  return Top(**broker, common, arguments.once).run();
}

}  // namespace tidings::cli
