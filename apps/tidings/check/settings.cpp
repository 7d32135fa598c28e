#include "check/settings.hpp"

#include <algorithm>
#include <string_view>

// Its assertions stand where a typo in a file may lead, and the error follows behind them.
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_MAX_NESTED_VALUES 16
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <toml++/toml.h>
#pragma GCC diagnostic pop

#include "tidings/base/text.hpp"

namespace tidings::check {

namespace {

constexpr std::size_t line_dots_max =
    100;  // each dot of a key is a table within a table, which toml++ goes down into by calls
const std::vector<std::string> own_keys{"ignore", "external", "layers", "limits", "severity"};
const std::vector<std::string> limit_keys{"lines", "includes"};
const std::vector<std::string> severity_names{"error", "warning", "advice", "off"};

std::string meant(std::string_view name, const std::vector<std::string>& known) {
  const auto near = nearest(name, known);
  if (!near.empty()) return "; did you mean '" + std::string(near) + "'?";
  std::string all;
  for (const auto& one : known) all += (all.empty() ? "" : ", ") + one;
  return "; there are " + all;
}

class Record {
 public:
  Record(const std::string& path, const std::vector<std::string>& rules) : path_(path), rules_(rules) {}

  Result<Settings> read(const std::string& text) {
    std::string_view rest(text);
    for (std::size_t line = 1; !rest.empty(); ++line) {
      const auto size = std::min(rest.find('\n'), rest.size() - 1) + 1;
      const auto said = rest.substr(0, size);
      const auto where = path_ + ":" + std::to_string(line);
      if (!is_utf8(said)) return Error{"broken_record", where + " is no UTF-8"};
      if (said.find('=') != std::string_view::npos || said.find('[') != std::string_view::npos)
        if (static_cast<std::size_t>(std::ranges::count(said, '.')) > line_dots_max)
          return Error{"broken_record", where + " has more dots than any key"};
      rest.remove_prefix(size);
    }
    const auto parsed = toml::parse(std::string_view(text), path_);
    if (!parsed)
      return Error{"broken_record", path_ + ":" + std::to_string(parsed.error().source().begin.line) +
                                        " is no TOML: " + std::string(parsed.error().description())};
    Settings out;
    const auto& table = parsed.table();
    if (const auto* layout = table.get("layout"); layout != nullptr && layout->is_string())
      out.layout = layout->as_string()->get();
    for (const auto& [name, node] : table)  // keys of the scaffolder's are its own, but for a slip of this one
      if (name.str() != "check" && nearest(name.str(), {&check_, 1}) == "check")
        return wrong(node, "unknown key '" + printable(name.str()) + "'; did you mean 'check'?");
    if (const auto* own = table.get("check"); own != nullptr) {
      if (!own->is_table()) return wrong(*own, "'check' is a table: [check]");
      if (auto done = own_table(*own->as_table(), out); !done) return done.error();
    }
    if (out.layers.empty()) out.layers = layers_of(out.layout);
    return out;
  }

 private:
  [[nodiscard]] Error wrong(const toml::node& node, const std::string& what) const {
    return {"broken_record", path_ + ":" + std::to_string(node.source().begin.line) + ": " + what};
  }

  Result<std::vector<std::string>> texts(const toml::node& node, std::string_view key) const {
    std::vector<std::string> found;
    const auto* array = node.as_array();
    const auto message = "'" + printable(key) + "' is a list of texts: [\"…\", \"…\"]";
    if (array == nullptr) return wrong(node, message);
    for (const auto& one : *array) {
      if (!one.is_string()) return wrong(one, message);
      found.push_back(one.as_string()->get());
    }
    return found;
  }

  Result<> own_table(const toml::table& table, Settings& out) const {
    for (const auto& [name, node] : table) {
      const auto key = name.str();
      if (key == "ignore" || key == "external") {
        auto found = texts(node, key);
        if (!found) return found.error();
        (key == "ignore" ? out.ignore : out.external) = std::move(*found);
        continue;
      }
      if (std::ranges::find(own_keys, key) == own_keys.end())
        return wrong(node, "unknown key '" + printable(key) + "' in [check]" + meant(key, own_keys));
      if (!node.is_table()) return wrong(node, "'" + printable(key) + "' is a table: [check." + printable(key) + "]");
      auto done = key == "layers"   ? layers(*node.as_table(), out)
                  : key == "limits" ? limits(*node.as_table(), out)
                                    : severities(*node.as_table(), out);
      if (!done) return done;
    }
    return {};
  }

  Result<> layers(const toml::table& table, Settings& out) const {
    std::vector<std::string> known;
    for (const auto& [name, node] : table) known.emplace_back(name.str());
    for (const auto& [name, node] : table) {
      auto may_use = texts(node, name.str());
      if (!may_use) return may_use.error();
      for (const auto& one : *may_use)
        if (std::ranges::find(known, one) == known.end())
          return wrong(node, "'" + printable(one) + "' is no layer" + meant(one, known));
      out.layers.push_back({std::string(name.str()), std::move(*may_use)});
    }
    return {};
  }

  Result<> limits(const toml::table& table, Settings& out) const {
    for (const auto& [name, node] : table) {
      if (std::ranges::find(limit_keys, name.str()) == limit_keys.end())
        return wrong(node,
                     "unknown key '" + printable(name.str()) + "' in [check.limits]" + meant(name.str(), limit_keys));
      const auto* number = node.as_integer();
      if (number == nullptr || number->get() < 1 || number->get() > 1'000'000)
        return wrong(node, "'" + std::string(name.str()) + "' is a whole number from 1 to 1000000");
      (name.str() == "lines" ? out.lines_max : out.includes_max) = static_cast<std::uint32_t>(number->get());
    }
    return {};
  }

  Result<> severities(const toml::table& table, Settings& out) const {
    for (const auto& [name, node] : table) {
      if (std::ranges::find(rules_, name.str()) == rules_.end())
        return wrong(node, "there is no rule '" + printable(name.str()) + "'" + meant(name.str(), rules_));
      const auto said = node.is_string() ? node.as_string()->get() : std::string();
      const auto found = std::ranges::find(severity_names, said);
      if (found == severity_names.end())
        return wrong(node, "a severity is \"error\", \"warning\", \"advice\" or \"off\"");
      out.severities[std::string(name.str())] = static_cast<Severity>(found - severity_names.begin());
    }
    return {};
  }

  const std::string& path_;
  const std::vector<std::string>& rules_;
  const std::string check_ = "check";
};

}  // namespace

std::vector<Layer> layers_of(std::string_view layout) {
  if (layout == "hexagonal") return {{"domain", {}}, {"ports", {"domain"}}, {"adapters", {"domain", "ports"}}};
  if (layout == "layered")
    return {{"domain", {}}, {"application", {"domain"}}, {"adapters", {"domain", "application"}}};
  return {};
}

Result<Settings> read_settings(const std::string& text, const std::string& path,
                               const std::vector<std::string>& rules) {
  return Record(path, rules).read(text);
}

bool matches(std::string_view pattern, std::string_view path) {
  while (pattern.ends_with('/')) pattern.remove_suffix(1);
  if (pattern.starts_with("./")) pattern.remove_prefix(2);
  // Where a '*' fits is tried from the last one that is open: no pattern takes long.
  std::size_t p = 0, t = 0;
  std::size_t star = std::string_view::npos, star_at = 0;
  std::size_t deep = std::string_view::npos, deep_at = 0;
  for (;;) {
    if (p == pattern.size() && (t == path.size() || path[t] == '/')) return !pattern.empty();
    if (p < pattern.size() && pattern.substr(p).starts_with("**")) {
      deep = p += 2;
      if (p < pattern.size() && pattern[p] == '/') deep = ++p;
      deep_at = t;
      star = std::string_view::npos;
      continue;
    }
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_at = t;
      continue;
    }
    if (p < pattern.size() && t < path.size() && (pattern[p] == path[t] || (pattern[p] == '?' && path[t] != '/'))) {
      ++p, ++t;
      continue;
    }
    if (star != std::string_view::npos && star_at < path.size() && path[star_at] != '/') {
      p = star;
      t = ++star_at;
      continue;
    }
    if (deep != std::string_view::npos && deep_at < path.size()) {
      p = deep;
      t = ++deep_at;
      star = std::string_view::npos;
      continue;
    }
    return false;
  }
}

}  // namespace tidings::check
