#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace bench {
namespace {

/// Three digits that matter, two of what is small.
std::string digits(double number) {
  char text[48];
  const double size = std::abs(number);
  if (size < 0.1 && size != 0)
    std::snprintf(text, sizeof text, "%.2g", number);
  else
    std::snprintf(text, sizeof text, "%.*f", size >= 100 || size == 0 ? 0 : size >= 10 ? 1 : 2, number);
  return text;
}

std::string scaled(double number, double step, const std::vector<std::string>& units) {
  std::size_t unit = 0;
  while (std::abs(number) >= step && unit + 1 < units.size()) {
    number /= step;
    ++unit;
  }
  return digits(number) + units[unit];
}

std::string show(double number, Unit unit) {
  switch (unit) {
    case Unit::time:
      return scaled(number, 1000, {" ns", " µs", " ms", " s"});
    case Unit::rate:
      return scaled(number, 1000, {" /s", " k/s", " M/s", " G/s"});
    case Unit::bytes:
      return scaled(number, 1024, {" B", " KiB", " MiB", " GiB"});
    case Unit::percent:
      return digits(number) + " %";
    case Unit::count:
      return digits(number);
  }
  return {};
}

const Figure* find(const Figures& figures, const Source& source) {
  const auto found = figures.find(source);
  return found == figures.end() ? nullptr : &found->second;
}

/// What a goal's bound is compared with.
std::optional<double> compared(const Row& row, const Goal& goal, const Figures& figures) {
  const auto* const ours = find(figures, row.ours);
  if (ours == nullptr) return std::nullopt;
  if (goal.against.empty()) return ours->median;
  auto reference = goal.reference;
  for (const auto& [name, source] : row.peers)
    if (!reference && name == goal.against) reference = source;
  const auto* const other = reference ? find(figures, *reference) : nullptr;
  if (other == nullptr || other->median == 0) return std::nullopt;
  return ours->median / other->median;
}

std::string show_bound(const Row& row, const Goal& goal) {
  return (goal.sense == Goal::Sense::at_most ? "≤ " : "≥ ") +
         (goal.against.empty() ? show(goal.bound, row.unit) : digits(goal.bound) + " × " + goal.against);
}

/// The peers of all rows, in the order of their first coming.
std::vector<std::string> columns_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& row : table.rows)
    for (const auto& [name, source] : row.peers)
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  return names;
}

std::string peer_cell(const Row& row, const std::string& peer, const Figures& figures) {
  for (const auto& [name, source] : row.peers) {
    const auto* const figure = name == peer ? find(figures, source) : nullptr;
    if (figure == nullptr) continue;
    const auto* const ours = find(figures, row.ours);
    auto cell = show(figure->median, row.unit);
    if (ours != nullptr && figure->median != 0) cell += " (" + digits(ours->median / figure->median) + " ×)";
    return cell;
  }
  return "–";
}

/// The largest of a row: what its ratios are worth.
std::string spread_cell(const Row& row, const Figures& figures) {
  double largest = 0;
  const auto take = [&](const Source& source) {
    if (const auto* const figure = find(figures, source)) largest = std::max(largest, figure->spread);
  };
  take(row.ours);
  for (const auto& [name, source] : row.peers) take(source);
  return "±" + std::to_string(std::lround(largest * 100)) + " %";
}

std::vector<std::vector<std::string>> cells_of(const Table& table, const Figures& figures) {
  const auto peers = columns_of(table);
  std::vector<std::vector<std::string>> lines;
  auto& head = lines.emplace_back(std::vector<std::string>{"", "Tidings"});
  head.insert(head.end(), peers.begin(), peers.end());
  head.insert(head.end(), {"spread", "goal", ""});
  for (const auto& row : table.rows) {
    const auto* const ours = find(figures, row.ours);
    auto& line = lines.emplace_back(
        std::vector<std::string>{row.label, ours != nullptr ? show(ours->median, row.unit) : std::string("–")});
    for (const auto& peer : peers) line.push_back(peer_cell(row, peer, figures));
    line.push_back(spread_cell(row, figures));
    std::string goals, verdicts;
    for (const auto& goal : row.goals) {
      const auto* const separator = goals.empty() ? "" : "; ";
      goals += separator + show_bound(row, goal);
      const auto value = compared(row, goal, figures);
      verdicts += separator +
                  (value && !goal.against.empty() && goal.reference ? digits(*value) + " ×: " : std::string{}) +
                  verdict(row, goal, figures);
    }
    line.push_back(goals.empty() ? "–" : goals);
    line.push_back(verdicts);
  }
  return lines;
}

/// As terminals count it, for the letters that stand here.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

Goal at_most(double bound, std::string against, std::optional<Source> reference) {
  return {Goal::Sense::at_most, bound, std::move(against), std::move(reference)};
}

Goal at_least(double bound, std::string against, std::optional<Source> reference) {
  return {Goal::Sense::at_least, bound, std::move(against), std::move(reference)};
}

Figure figure_of(std::vector<double> repetitions) {
  if (repetitions.empty()) return {};
  std::ranges::sort(repetitions);
  const auto at = [&](double part) {
    const double place = part * static_cast<double>(repetitions.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const auto above = std::min(below + 1, repetitions.size() - 1);
    return std::lerp(repetitions[below], repetitions[above], place - static_cast<double>(below));
  };
  Figure figure{.median = at(0.5)};
  if (figure.median != 0) figure.spread = (at(0.75) - at(0.25)) / 2 / std::abs(figure.median);
  return figure;
}

std::string verdict(const Row& row, const Goal& goal, const Figures& figures) {
  const auto value = compared(row, goal, figures);
  if (!value) return "not measured";
  const bool at_most = goal.sense == Goal::Sense::at_most;
  if (at_most ? *value <= goal.bound : *value >= goal.bound) return "met";
  const double off = at_most ? *value / goal.bound : goal.bound / *value;
  if (!std::isfinite(off)) return "missed";
  if (off >= 2) return "missed by a factor of " + digits(off);
  return "missed by " + digits((off - 1) * 100) + " %";
}

std::string to_text(const Table& table, const Figures& figures) {
  const auto lines = cells_of(table, figures);
  std::vector<std::size_t> widths(lines.front().size(), 0);
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width_of(line[i]));
  auto text = table.title + "\n";
  for (const auto& line : lines) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
      out += "  " + line[i];
      out.append(widths[i] - width_of(line[i]), ' ');
    }
    out.erase(out.find_last_not_of(' ') + 1);
    text += out + "\n";
  }
  return text;
}

std::string to_markdown(const Table& table, const Figures& figures) {
  auto text = "### " + table.title + "\n\n";
  const auto lines = cells_of(table, figures);
  for (std::size_t at = 0; at < lines.size(); ++at) {
    text += "|";
    for (const auto& cell : lines[at]) text += " " + cell + (cell.empty() ? "|" : " |");
    text += "\n";
    if (at != 0) continue;
    for (std::size_t i = 0; i < lines[at].size(); ++i) text += i == 0 ? "|---|" : "---|";
    text += "\n";
  }
  if (!table.note.empty()) text += "\n" + table.note + "\n";
  return text;
}

std::string with_section(std::string page, const std::string& name, const std::string& section) {
  const auto begin = "<!-- bench: " + name + " -->\n";
  const auto end = "<!-- end of bench: " + name + " -->\n";
  auto from = page.find(begin);
  auto to = from == page.npos ? page.npos : page.find(end, from);
  if (to == page.npos) {
    if (!page.empty() && !page.ends_with("\n\n")) page += page.ends_with('\n') ? "\n" : "\n\n";
    from = page.size();
    page += begin + end;
    to = from + begin.size();
  }
  from += begin.size();
  return page.replace(from, to - from, section);
}

}  // namespace bench
