#include "check/settings.hpp"

#include <algorithm>
#include <string_view>

#include "tidings/base/text.hpp"
#include "toml.hpp"

namespace tidings::check {

namespace {

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
    const auto table = parse_toml(text, path_);
    if (!table) return Error{"broken_record", table.error().message};
    Settings out;
    if (const auto* layout = table->find("layout"); layout != nullptr) out.layout = layout->text;
    if (const auto* made_with = table->find("capabilities"); made_with != nullptr)
      for (const auto& one : made_with->items) out.capabilities.push_back(one.text);
    for (const auto& [key, value] : table->members)  // keys of the scaffolder's are its own, but for a slip of this one
      if (key != "check" && nearest(key, {&check_, 1}) == "check")
        return wrong(value, "unknown key '" + printable(key) + "'; did you mean 'check'?");
    if (const auto* own = table->find("check"); own != nullptr) {
      if (own->kind != Toml::Kind::table) return wrong(*own, "'check' is a table: [check]");
      if (auto done = own_table(*own, out); !done) return done.error();
    }
    if (out.layers.empty()) out.layers = layers_of(out.layout);
    return out;
  }

 private:
  [[nodiscard]] Error wrong(const Toml& node, const std::string& what) const {
    return {"broken_record", path_ + ":" + std::to_string(node.line) + ": " + what};
  }

  Result<std::vector<std::string>> texts(const Toml& node, std::string_view key) const {
    std::vector<std::string> found;
    const auto message = "'" + printable(key) + "' is a list of texts: [\"…\", \"…\"]";
    if (node.kind != Toml::Kind::array) return wrong(node, message);
    for (const auto& one : node.items) {
      if (one.kind != Toml::Kind::text) return wrong(one, message);
      found.push_back(one.text);
    }
    return found;
  }

  Result<> own_table(const Toml& table, Settings& out) const {
    for (const auto& [key, node] : table.members) {
      if (key == "ignore" || key == "external") {
        auto found = texts(node, key);
        if (!found) return found.error();
        (key == "ignore" ? out.ignore : out.external) = std::move(*found);
        continue;
      }
      if (std::ranges::find(own_keys, key) == own_keys.end())
        return wrong(node, "unknown key '" + printable(key) + "' in [check]" + meant(key, own_keys));
      if (node.kind != Toml::Kind::table)
        return wrong(node, "'" + printable(key) + "' is a table: [check." + printable(key) + "]");
      auto done = key == "layers" ? layers(node, out) : key == "limits" ? limits(node, out) : severities(node, out);
      if (!done) return done;
    }
    return {};
  }

  Result<> layers(const Toml& table, Settings& out) const {
    std::vector<std::string> known;
    for (const auto& [name, node] : table.members) known.push_back(name);
    for (const auto& [name, node] : table.members) {
      auto may_use = texts(node, name);
      if (!may_use) return may_use.error();
      for (const auto& one : *may_use)
        if (std::ranges::find(known, one) == known.end())
          return wrong(node, "'" + printable(one) + "' is no layer" + meant(one, known));
      out.layers.push_back({name, std::move(*may_use)});
    }
    return {};
  }

  Result<> limits(const Toml& table, Settings& out) const {
    for (const auto& [name, node] : table.members) {
      if (std::ranges::find(limit_keys, name) == limit_keys.end())
        return wrong(node, "unknown key '" + printable(name) + "' in [check.limits]" + meant(name, limit_keys));
      if (node.kind != Toml::Kind::whole || node.whole < 1 || node.whole > 1'000'000)
        return wrong(node, "'" + name + "' is a whole number from 1 to 1000000");
      (name == "lines" ? out.lines_max : out.includes_max) = static_cast<std::uint32_t>(node.whole);
    }
    return {};
  }

  Result<> severities(const Toml& table, Settings& out) const {
    for (const auto& [name, node] : table.members) {
      if (!rules_.empty() && std::ranges::find(rules_, name) == rules_.end())
        return wrong(node, "there is no rule '" + printable(name) + "'" + meant_rule(name));
      const auto found = std::ranges::find(severity_names, node.text);
      if (found == severity_names.end())
        return wrong(node, "a severity is \"error\", \"warning\", \"advice\" or \"off\"");
      out.severities[name] = static_cast<Severity>(found - severity_names.begin());
    }
    return {};
  }

  /// There are too many to tell all: the nearest, or one that has the name in it.
  [[nodiscard]] std::string meant_rule(const std::string& name) const {
    std::string near(nearest(name, rules_));
    for (const auto& one : rules_)
      if (near.empty() && name.size() > 2 && one.find(name) != std::string::npos) near = one;
    return near.empty() ? "; 'tidings check --list-rules' has them" : "; did you mean '" + near + "'?";
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
