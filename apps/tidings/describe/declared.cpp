#include "describe/declared.hpp"

#include <algorithm>

#include "describe/words.hpp"
#include "tidings/base/strings.hpp"
#include "tidings/base/text.hpp"
#include "toml.hpp"

namespace tidings::cli {

namespace {

Error wrong(const std::string& file, std::size_t line, const std::string& why) {
  return {"invalid_guarantees", file + ":" + std::to_string(line) + ": " + why};
}

/// What says that nothing else is to happen.
std::string_view strictest(std::string_view guarantee) {
  return guarantee == "order" ? "key" : "none";
}

Result<Declared::Wish> wish_of(const Toml& value, const std::string& guarantee, const std::string& file) {
  const auto known = causes_known(guarantee);
  std::vector<std::pair<std::string, std::size_t>> words;
  if (value.kind == Toml::Kind::text) words.emplace_back(value.text, value.line);
  if (value.kind == Toml::Kind::array)
    for (const auto& item : value.items) words.emplace_back(item.kind == Toml::Kind::text ? item.text : "", item.line);
  Declared::Wish wish{.is_any = false, .causes = {}};
  if (value.kind == Toml::Kind::text && value.text == strictest(guarantee)) return wish;
  if (value.kind == Toml::Kind::text && value.text == "any") return Declared::Wish{};
  if (words.empty()) return wrong(file, value.line, guarantee + " is a text, or a list of them");
  for (const auto& [word, line] : words) {
    if (std::ranges::find(known, word) == known.end())
      return wrong(file, line,
                   guarantee + " = \"" + printable(word) + "\" is none of: " + std::string(strictest(guarantee)) +
                       ", any, and what may happen: " + listed(known));
    wish.causes.push_back(word);
  }
  return wish;
}

/// `TOPIC -> GROUP`.
Result<Declared> way_of(const std::string& key, std::size_t line, const std::string& file) {
  static constexpr std::string_view arrow = "->";
  const auto at = key.find(arrow);
  Declared one;
  if (at != std::string::npos) {
    one.topic = trimmed(std::string_view(key).substr(0, at), " ");
    one.group = trimmed(std::string_view(key).substr(at + arrow.size()), " ");
  }
  if (one.topic.empty() || one.group.empty())
    return wrong(file, line,
                 "'" + printable(key) + "' is no way; write \"TOPIC -> GROUP\", as \"orders -> mails.send\"");
  one.line = line;
  return one;
}

void compare(std::vector<std::string>& all, const std::string& way, const std::string& event, std::string_view what,
             const Guarantee& computed, const Declared::Wish& wish) {
  if (wish.is_any) return;
  for (const auto& cause : computed.causes) {
    if (std::ranges::find(wish.causes, cause.name) != wish.causes.end()) continue;
    auto text = wrapped(way + ": ",
                        std::string(what) + (event.empty() ? "" : " of " + printable(event)) + ": " + cause.name, 2) +
                wrapped("  since ", printable(cause.when), 4) + wrapped("  to change it: ", printable(cause.change), 4);
    if (std::ranges::find(all, text) == all.end()) all.push_back(std::move(text));
  }
}

}  // namespace

Result<std::vector<Declared>> read_declared(std::string_view text, const std::string& file) {
  auto toml = parse_toml(text, file);
  if (!toml) return Error{"invalid_guarantees", toml.error().message};
  std::vector<Declared> all;
  for (const auto& [section, table] : toml->members) {
    if (section != "guarantees") continue;
    if (table.kind != Toml::Kind::table) return wrong(file, table.line, "guarantees must be a table");
    for (const auto& [key, wishes] : table.members) {
      auto one = way_of(key, wishes.line, file);
      if (!one) return one.error();
      if (wishes.kind != Toml::Kind::table)
        return wrong(file, wishes.line,
                     "write " + printable(key) + " = {loss = \"none\", duplicates = \"none\", order = \"key\"}");
      for (const auto& [guarantee, value] : wishes.members) {
        auto* const wish = guarantee == "loss"         ? &one->loss
                           : guarantee == "duplicates" ? &one->duplicates
                           : guarantee == "order"      ? &one->order
                                                       : nullptr;
        if (wish == nullptr)
          return wrong(file, value.line,
                       "there is no guarantee '" + printable(guarantee) + "'; there are loss, duplicates and order");
        auto read = wish_of(value, guarantee, file);
        if (!read) return read.error();
        *wish = std::move(*read);
      }
      all.push_back(std::move(*one));
    }
  }
  return all;
}

std::vector<std::string> weaker_than_declared(const Flow& flow, const std::vector<Declared>& declared,
                                              const std::string& file) {
  std::vector<std::string> all;
  for (const auto& one : declared) {
    const auto way = printable(one.topic) + " -> " + printable(one.group);
    bool is_there = false;
    std::vector<std::string> ways;
    for (const auto& path : flow.paths) {
      const auto& event = flow.events[path.event];
      ways.push_back(event.topic + " -> " + path.group);
      if (event.topic != one.topic || path.group != one.group) continue;
      is_there = true;
      compare(all, way, event.type, "loss", path.guarantees.loss, one.loss);
      compare(all, way, event.type, "duplicates", path.guarantees.duplicates, one.duplicates);
      compare(all, way, event.type, "order", path.guarantees.order, one.order);
    }
    if (is_there) continue;
    const auto meant = nearest(one.topic + " -> " + one.group, ways);
    all.push_back(wrapped(way + ": ",
                          "there is no such way among these services (" + printable(file) + ":" +
                              std::to_string(one.line) + ")" +
                              (meant.empty() ? "" : "; '" + printable(meant) + "' may be meant"),
                          2));
  }
  return all;
}

}  // namespace tidings::cli
