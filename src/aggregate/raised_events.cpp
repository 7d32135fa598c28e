#include "tidings/aggregate/detail/raised_events.hpp"

#include <algorithm>
#include <cstddef>

namespace tidings::aggregate::detail {

namespace {

constexpr std::size_t compared_lines_max = 2'000;

/// A line for each member. What is no JSON stays as it is.
void add_lines(std::vector<std::string>& lines, const RaisedEvent& event) {
  std::string line = event.type + ' ';
  std::size_t depth = 0;
  bool in_text = false;
  const auto end_line = [&] {
    lines.push_back(line);
    line.assign(depth * 2, ' ');
  };
  for (std::size_t at = 0; at < event.json.size(); ++at) {
    const char c = event.json[at];
    if (in_text) {
      line += c;
      if (c == '\\' && at + 1 < event.json.size())
        line += event.json[++at];
      else if (c == '"')
        in_text = false;
      continue;
    }
    const bool closes_at_once = at + 1 < event.json.size() && (event.json[at + 1] == '}' || event.json[at + 1] == ']');
    if (c == '"') {
      in_text = true;
      line += c;
    } else if ((c == '{' || c == '[') && closes_at_once) {
      (line += c) += event.json[++at];
    } else if (c == '{' || c == '[') {
      line += c;
      ++depth;
      end_line();
    } else if (c == '}' || c == ']') {
      depth -= depth > 0 ? 1 : 0;
      end_line();
      line += c;
    } else if (c == ',') {
      line += c;
      end_line();
    } else {
      line += c;
      if (c == ':') line += ' ';
    }
  }
  lines.push_back(line);
}

std::vector<std::string> lines_of(const std::vector<RaisedEvent>& events) {
  std::vector<std::string> lines;
  for (const auto& event : events) add_lines(lines, event);
  return lines;
}

/// `-` before what was wanted, `+` before what was raised, by the longest common part.
std::string difference(const std::vector<std::string>& wanted, const std::vector<std::string>& raised) {
  std::string text;
  const auto add = [&](const char* mark, const std::string& line) { ((text += mark) += line) += '\n'; };
  if (wanted.size() > compared_lines_max || raised.size() > compared_lines_max) {
    for (const auto& line : wanted) add("- ", line);
    for (const auto& line : raised) add("+ ", line);
    return text;
  }
  std::vector<std::vector<std::size_t>> common(wanted.size() + 1, std::vector<std::size_t>(raised.size() + 1, 0));
  for (std::size_t i = wanted.size(); i-- > 0;)
    for (std::size_t j = raised.size(); j-- > 0;)
      common[i][j] = wanted[i] == raised[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < wanted.size() || j < raised.size()) {
    if (i < wanted.size() && j < raised.size() && wanted[i] == raised[j]) {
      add("  ", wanted[i++]);
      ++j;
    } else if (j == raised.size() || (i < wanted.size() && common[i + 1][j] >= common[i][j + 1])) {
      add("- ", wanted[i++]);
    } else {
      add("+ ", raised[j++]);
    }
  }
  return text;
}

bool same(const RaisedEvent& a, const RaisedEvent& b) {
  return a.type == b.type && a.json == b.json;
}

}  // namespace

Verdict compare(const Result<>& result, std::string_view id, const std::vector<RaisedEvent>& wanted,
                const std::vector<RaisedEvent>& raised) {
  if (!result) return Verdict("it was refused: " + to_string(result.error()));
  if (!std::ranges::equal(wanted, raised, same)) {
    if (wanted.empty()) return Verdict("nothing was to be raised, and this was:\n" + difference({}, lines_of(raised)));
    if (raised.empty()) return Verdict("nothing was raised, and this was to be:\n" + difference(lines_of(wanted), {}));
    return Verdict("what was raised (+) is not what was to be (-):\n" + difference(lines_of(wanted), lines_of(raised)));
  }
  for (const auto& event : raised)
    if (event.key != id)
      return Verdict("the event " + event.type + " has the key '" + event.key + "', and the id of the aggregate is '" +
                     std::string(id) + "': it could not be saved");
  return Verdict();
}

Verdict compare_refusal(const Result<>& result, std::string_view code, const std::vector<RaisedEvent>& raised) {
  if (result && raised.empty()) return Verdict("it was to be refused with " + std::string(code) + ", and succeeded");
  if (result)
    return Verdict("it was to be refused with " + std::string(code) + ", and raised:\n" +
                   difference({}, lines_of(raised)));
  if (result.error().code != code)
    return Verdict("it was to be refused with " + std::string(code) + ", and was with " + to_string(result.error()));
  if (!raised.empty())
    return Verdict("it was refused with " + std::string(code) + ", and raised all the same:\n" +
                   difference({}, lines_of(raised)));
  return Verdict();
}

}  // namespace tidings::aggregate::detail
