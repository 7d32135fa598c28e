// The one place of the CLI that includes toml++.
#include "scaffold/toml.hpp"

#include <algorithm>

// Its assertions stand where a typo in a file may lead, and the error follows behind them: neither may they abort, nor
// (as under NDEBUG) may the compiler assume that they hold.
#pragma push_macro("NDEBUG")
#undef NDEBUG
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
#pragma pop_macro("NDEBUG")

#include "tidings/base/text.hpp"

namespace tidings::scaffold {

namespace {

constexpr std::ptrdiff_t dots_max = 200;  // of a line: toml++ goes down into the parts of a key by calls

Error invalid(const std::string& file, std::size_t line, const std::string& why) {
  return {"invalid_toml", file + ":" + std::to_string(line) + ": " + why};
}

Toml convert(const toml::node& node) {
  Toml made;
  made.line = node.source().begin.line;
  if (const auto* text = node.as_string()) {
    made.kind = Toml::Kind::text;
    made.text = text->get();
  } else if (const auto* number = node.as_integer()) {
    made.kind = Toml::Kind::whole;
    made.whole = number->get();
  } else if (const auto* truth = node.as_boolean()) {
    made.kind = Toml::Kind::boolean;
    made.truth = truth->get();
  } else if (const auto* array = node.as_array()) {
    made.kind = Toml::Kind::array;
    for (const auto& item : *array) made.items.push_back(convert(item));
  } else if (const auto* table = node.as_table()) {
    made.kind = Toml::Kind::table;
    for (const auto& [name, member] : *table) {
      made.members.push_back({std::string(name.str()), convert(member)});
      auto& line = made.members.back().value.line;
      line = name.source().begin.line;  // where the key stands: a text of several lines begins there
    }
  }
  return made;
}

/// What toml++ cannot be trusted with.
Result<> check_lines(std::string_view text, const std::string& file) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = text.substr(0, text.find('\n'));
    if (!is_utf8(line)) return invalid(file, number, "this is no UTF-8");
    const auto code = line.substr(0, line.find_first_of("#\"'"));
    if (std::ranges::count(code, '.') > dots_max)
      return invalid(file, number, "a key of so many parts is none of ours");
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return {};
}

}  // namespace

Result<Toml> parse_toml(std::string_view text, const std::string& file) {
  if (auto fine = check_lines(text, file); !fine) return fine.error();
  const auto parsed = toml::parse(text, file);
  if (!parsed)
    return invalid(file, parsed.error().source().begin.line,
                   "this is no TOML: " + std::string(parsed.error().description()));
  return convert(parsed.table());
}

TomlReader::TomlReader(const Toml& table, std::string file, std::string what)
    : table_(table), file_(std::move(file)), what_(std::move(what)) {}

void TomlReader::wrong(std::size_t line, const std::string& why) {
  if (first_) first_ = invalid(file_, std::max<std::size_t>(line, 1), why);
}

void TomlReader::take(const Result<>& inner) {
  if (first_ && !inner) first_ = inner.error();
}

const Toml* TomlReader::find(std::string_view key, Toml::Kind kind, std::string_view kind_text) {
  known_.emplace_back(key);
  const auto at = std::ranges::find(table_.members, key, &Toml::Member::name);
  if (at == table_.members.end()) return nullptr;
  if (at->value.kind == kind) return &at->value;
  wrong(at->value.line, std::string(key) + " must be " + std::string(kind_text));
  return nullptr;
}

std::string TomlReader::text(std::string_view key) {
  const auto* const found = find(key, Toml::Kind::text, "a text");
  if (found != nullptr && !found->text.empty()) return found->text;
  wrong(found == nullptr ? table_.line : found->line, "the " + what_ + " must say its " + std::string(key));
  return {};
}

std::string TomlReader::text_or(std::string_view key, std::string_view fallback) {
  const auto* const found = find(key, Toml::Kind::text, "a text");
  return found == nullptr ? std::string(fallback) : found->text;
}

bool TomlReader::truth(std::string_view key) {
  const auto* const found = find(key, Toml::Kind::boolean, "true or false");
  return found != nullptr && found->truth;
}

void TomlReader::whole(std::string_view key, std::int64_t only) {
  const auto* const found = find(key, Toml::Kind::whole, "a number");
  if (found == nullptr)
    wrong(table_.line, "the " + what_ + " must say " + std::string(key) + " = " + std::to_string(only));
  else if (found->whole != only)
    wrong(found->line, "this program knows " + std::string(key) + " = " + std::to_string(only) +
                           " only, and here it is " + std::to_string(found->whole));
}

std::vector<std::string> TomlReader::texts(std::string_view key) {
  std::vector<std::string> values;
  const auto* const found = find(key, Toml::Kind::array, "a list of texts");
  if (found == nullptr) return values;
  for (const auto& item : found->items) {
    if (item.kind != Toml::Kind::text) wrong(item.line, std::string(key) + " must be a list of texts");
    values.push_back(item.text);
  }
  return values;
}

std::vector<std::vector<std::string>> TomlReader::lists(std::string_view key) {
  std::vector<std::vector<std::string>> values;
  const auto* const found = find(key, Toml::Kind::array, "a list of lists");
  if (found == nullptr) return values;
  for (const auto& list : found->items) {
    if (list.kind != Toml::Kind::array || list.items.empty())
      wrong(list.line, std::string(key) + " must be a list of lists");
    values.emplace_back();
    for (const auto& item : list.items) {
      if (item.kind != Toml::Kind::text) wrong(item.line, std::string(key) + " must be a list of lists of texts");
      values.back().push_back(item.text);
    }
  }
  return values;
}

std::vector<const Toml*> TomlReader::tables(std::string_view key) {
  std::vector<const Toml*> values;
  const auto* const found = find(key, Toml::Kind::array, "a list of tables: [[" + std::string(key) + "]]");
  if (found == nullptr) return values;
  for (const auto& item : found->items) {
    if (item.kind == Toml::Kind::table)
      values.push_back(&item);
    else
      wrong(item.line, std::string(key) + " must be a list of tables");
  }
  return values;
}

Result<> TomlReader::finish() {
  for (const auto& [name, member] : table_.members) {
    if (std::ranges::find(known_, name) != known_.end()) continue;
    const auto near = nearest(name, known_);
    wrong(member.line, "the " + what_ + " has no '" + printable(name) + "'" +
                           (near.empty() ? std::string() : "; did you mean '" + std::string(near) + "'?"));
  }
  return first_;
}

}  // namespace tidings::scaffold
