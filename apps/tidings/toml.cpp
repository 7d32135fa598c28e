// The one place of the CLI that includes toml++.
#include "toml.hpp"

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

namespace tidings {

namespace {

constexpr std::ptrdiff_t dots_max = 200;  // of a line: toml++ goes down into the parts of a key by calls

Error invalid(const std::string& file, std::size_t line, const std::string& why) {
  return {"invalid_toml", file + ":" + std::to_string(line) + ": " + why};
}

/// Turns toml++'s lines and columns, which count characters, into bytes.
class Bytes {
 public:
  explicit Bytes(std::string_view text) : text_(text) {
    for (std::size_t at = 0; at < text.size(); ++at)
      if (text[at] == '\n') lines_.push_back(at + 1);
  }
  [[nodiscard]] std::size_t of(toml::source_position place) const {
    if (place.line == 0 || place.line > lines_.size()) return text_.size();
    auto at = lines_[place.line - 1];
    if (at == 0 && text_.starts_with(byte_order_mark)) at = byte_order_mark.size();
    for (auto column = place.column; column > 1 && at < text_.size(); --column)
      for (++at; at < text_.size() && (static_cast<unsigned char>(text_[at]) & 0xC0U) == 0x80U;) ++at;
    return at;
  }

 private:
  static constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  std::string_view text_;
  std::vector<std::size_t> lines_{0};  ///< where they begin
};

Toml convert(const toml::node& node, const Bytes& bytes) {
  Toml made;
  made.line = node.source().begin.line;
  if (!node.is_table()) {
    made.begin = bytes.of(node.source().begin);
    made.end = bytes.of(node.source().end);
  }
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
    for (const auto& item : *array) made.items.push_back(convert(item, bytes));
  } else if (const auto* table = node.as_table()) {
    made.kind = Toml::Kind::table;
    for (const auto& [name, member] : *table) {
      made.members.push_back({std::string(name.str()), convert(member, bytes)});
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
  return convert(parsed.table(), Bytes(text));
}

const Toml* Toml::find(std::string_view name) const {
  const auto at = std::ranges::find(members, name, &Member::name);
  return at == members.end() ? nullptr : &at->value;
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
  const auto* const found = table_.find(key);
  if (found == nullptr || found->kind == kind) return found;
  wrong(found->line, std::string(key) + " must be " + std::string(kind_text));
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

}  // namespace tidings
