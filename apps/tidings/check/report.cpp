#include "check/report.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "check/rule.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json.hpp"

namespace tidings::check {

namespace {

/// A file's name is bytes; what is no UTF-8 is shown.
void append(std::string& out, std::string_view text) {
  append_json_string(out, is_utf8(text) ? std::string(text) : printable(text));
}

/// A path as a URI: RFC 3986's unreserved characters, and '/'.
std::string uri_of(std::string_view path) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                          c == '.' || c == '-' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain)
      out += c;
    else
      (out += '%') += {digits[byte >> 4U], digits[byte & 15U]};
  }
  return out;
}

std::string_view level_of(Severity severity) {
  return severity == Severity::error ? "error" : severity == Severity::warning ? "warning" : "note";
}

void message(std::string& out, std::string_view name, std::string_view text) {
  out += "\"" + std::string(name) + "\":{\"text\":";
  append(out, text);
  out += "}";
}

}  // namespace

std::string to_text(const std::vector<Finding>& findings) {
  std::string out;
  std::set<std::string> told;
  std::array<std::size_t, 3> counts{};
  for (const auto& one : findings) {
    out += printable(one.file) + ":" + std::to_string(one.line) + ":" + std::to_string(one.column) + ": " +
           std::string(name_of(one.severity)) + ": " + printable(one.what) + " [" + one.rule + "]\n";
    ++counts.at(static_cast<std::size_t>(one.severity));
    if (told.insert(one.rule).second)
      out += "    what can happen: " + one.can_happen + "\n    what to do: " + one.to_do + "\n";
  }
  if (findings.empty()) return out;
  const auto counted = [](std::size_t count, const std::string& one, const std::string& many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
  };
  return out + counted(counts[0], "error", "errors") + ", " + counted(counts[1], "warning", "warnings") + ", " +
         counted(counts[2], "piece of advice", "pieces of advice") + "\n";
}

std::string to_json_lines(const std::vector<Finding>& findings) {
  std::string out;
  for (const auto& one : findings) {
    out += "{\"rule\":";
    append(out, one.rule);
    out += ",\"severity\":";
    append(out, name_of(one.severity));
    out += ",\"file\":";
    append(out, one.file);
    out += ",\"line\":" + std::to_string(one.line) + ",\"column\":" + std::to_string(one.column);
    for (const auto& [name, text] :
         {std::pair{"what", one.what}, {"can_happen", one.can_happen}, {"to_do", one.to_do}}) {
      out += std::string(",\"") + name + "\":";
      append(out, text);
    }
    out += "}\n";
  }
  return out;
}

std::string to_sarif(const std::vector<Finding>& findings, const std::string& version,
                     std::span<const RuleText> rules) {
  std::string out =
      "{\"$schema\":\"https://json.schemastore.org/"
      "sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{\"name\":\"tidings "
      "check\",\"version\":";
  append(out, version);
  out += ",\"rules\":[";
  for (const auto& rule : rules) {
    out += &rule == rules.data() ? "{\"id\":" : ",{\"id\":";
    append(out, rule.id);
    out += ",";
    message(out, "shortDescription", rule.finds);
    out += ",";
    message(out, "fullDescription", rule.can_happen);
    out += ",";
    message(out, "help", rule.to_do);
    out += ",\"defaultConfiguration\":{\"level\":\"" + std::string(level_of(rule.severity)) + "\"}}";
  }
  out += "]}},\"columnKind\":\"utf16CodeUnits\",\"results\":[";
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const auto& one = findings[i];
    out += i == 0 ? "{\"ruleId\":" : ",{\"ruleId\":";
    append(out, one.rule);
    out += ",\"ruleIndex\":" + std::to_string(std::ranges::find(rules, one.rule, &RuleText::id) - rules.begin()) +
           ",\"level\":\"" + std::string(level_of(one.severity)) + "\",";
    message(out, "message", one.what + ". " + one.can_happen + " " + one.to_do);
    out += ",\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":";
    append(out, uri_of(one.file));
    out += "},\"region\":{\"startLine\":" + std::to_string(one.line) +
           ",\"startColumn\":" + std::to_string(one.column) + "}}}]}";
  }
  return out + "]}]}\n";
}

// ---- rules

std::string rules_as_text(std::span<const RuleText> rules) {
  std::string out;
  for (const auto& rule : rules) {
    const std::string id(rule.id);
    out += id + std::string(30 - std::min<std::size_t>(id.size(), 29), ' ') + std::string(name_of(rule.severity)) +
           std::string(9 - name_of(rule.severity).size(), ' ') + std::string(rule.finds) + "\n";
  }
  return out;
}

std::string rules_as_json(std::span<const RuleText> rules) {
  std::string out;
  for (const auto& rule : rules) {
    out += "{\"rule\":";
    append(out, rule.id);
    out += ",\"severity\":";
    append(out, name_of(rule.severity));
    for (const auto& [name, text] : {std::pair{"finds", rule.finds},
                                     {"can_happen", rule.can_happen},
                                     {"to_do", rule.to_do},
                                     {"bad", rule.bad},
                                     {"good", rule.good}}) {
      out += std::string(",\"") + name + "\":";
      append(out, text);
    }
    out += "}\n";
  }
  return out;
}

std::string rule_as_text(std::string_view id, std::span<const RuleText> rules) {
  for (const auto& rule : rules) {
    if (rule.id != id) continue;
    const auto indented = [](std::string_view text) {
      std::string out;
      while (!text.empty()) {
        const auto size = std::min(text.find('\n'), text.size());
        out += (size == 0 ? "" : "    ") + std::string(text.substr(0, size)) + "\n";
        text.remove_prefix(std::min(size + 1, text.size()));
      }
      return out;
    };
    return std::string(rule.id) + " (" + std::string(name_of(rule.severity)) +
           ")\n\nfinds:           " + std::string(rule.finds) + "\nwhat can happen: " + std::string(rule.can_happen) +
           "\nwhat to do:      " + std::string(rule.to_do) + "\n\nis found:\n\n" + indented(rule.bad) +
           "\nis not:\n\n" + indented(rule.good);
  }
  return {};
}

std::string rules_as_markdown(std::span<const RuleText> rules) {
  std::string out = "| rule | severity | finds |\n|---|---|---|\n";
  const auto in_table = [](std::string_view text) {
    std::string cell;
    for (const char c : text) cell += c == '|' ? std::string("\\|") : std::string(1, c);
    return cell;
  };
  for (const auto& rule : rules)
    out += "| [`" + std::string(rule.id) + "`](#" + std::string(rule.id) + ") | " +
           std::string(name_of(rule.severity)) + " | " + in_table(rule.finds) + " |\n";
  for (const auto& rule : rules) {
    const bool is_cpp = rule.bad.starts_with("#include") || rule.bad.starts_with("//");
    const std::string language = is_cpp ? "cpp" : "text";
    out += "\n### " + std::string(rule.id) + "\n\n" + std::string(rule.finds) + "\n\n**What can happen.** " +
           std::string(rule.can_happen) + "\n\n**What to do.** " + std::string(rule.to_do) + "\n\nIs found:\n\n```" +
           language + "\n" + std::string(rule.bad) + "```\n\nIs not:\n\n```" + language + "\n" +
           std::string(rule.good) + "```\n";
  }
  return out;
}

}  // namespace tidings::check
