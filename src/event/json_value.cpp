#include "tidings/event/detail/json_value.hpp"

#include <optional>

#include "event/json_number.hpp"
#include "event/json_parser.hpp"
#include "event/json_text.hpp"
#include "tidings/event/json.hpp"

namespace tidings::detail {
namespace {

constexpr auto name_missing = "malformed object: a name is missing";
constexpr auto colon_missing = "malformed object: a colon is missing behind a name";
constexpr auto comma_missing = "malformed object: a comma is missing between members";
constexpr auto wrong_escape = "malformed value: an escape in a text is wrong";

/// Where the readers stand in a document. Behind its last token stands a zero byte: whoever looks for a token does not
/// find it there, and does not move on.
struct Cursor {
  JsonTokens document;
  const std::uint32_t* at = document.tokens;

  [[nodiscard]] const char* here() const { return document.text + *at; }
  bool take(char token) {
    if (*here() != token) return false;
    ++at;
    return true;
  }
  /// Whether a number or a literal ends here, and not in the middle of something.
  [[nodiscard]] bool is_end(const char* end) const {
    return end == document.text + at[1] || *end == ' ' || *end == '\n' || *end == '\r' || *end == '\t';
  }
  bool take_literal(std::string_view literal) {
    const char* const begin = here();
    if (std::string_view(begin, literal.size()) != literal || !is_end(begin + literal.size())) return false;
    ++at;
    return true;
  }
  /// Passes over a value without a look at it. False at the document's end.
  bool pass_over() {
    for (int open = 0;; ++at) {
      if (at == document.end) return false;
      const char token = *here();
      if (token == '{' || token == '[') ++open;
      if (token == '}' || token == ']') --open;
      if (open <= 0) break;
    }
    ++at;
    return true;
  }
};

Cursor& as_cursor(void* value) {
  return *static_cast<Cursor*>(value);
}

std::string_view kind_of(const Cursor& cursor) {
  switch (const char token = *cursor.here()) {
    case '[':
      return "an array";
    case '{':
      return "an object";
    case '"':
      return "a text";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    default:
      return token == '-' || (token >= '0' && token <= '9') ? "a number" : "something malformed";
  }
}

[[gnu::cold]] bool refuse(JsonValue& into, const Cursor& cursor, std::string_view wanted) {
  const auto got = kind_of(cursor);
  if (got != wanted) return into.fail("wrong_type", "expected " + std::string(wanted) + ", got " + std::string(got));
  return into.fail("invalid_json", "malformed value: it only begins as " + std::string(wanted));
}

/// Why a number could not be taken; `is_whole` where one without a fraction is wanted.
[[gnu::cold]] bool refuse_number(JsonValue& into, const Cursor& cursor, bool is_whole, std::string_view bound) {
  if (kind_of(cursor) != "a number") return refuse(into, cursor, is_whole ? "an integer" : "a number");
  const auto text = into.raw();
  if (!is_json_number(text)) return into.fail("invalid_json", "malformed number");
  if (is_whole && text.find_first_of(".eE") != text.npos)
    return into.fail("wrong_type", "expected an integer, got " + std::string(text.substr(0, 40)));
  return into.fail("out_of_range", std::string(text.substr(0, 40)) + " does not fit " + std::string(bound));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

[[gnu::cold]] bool refuse_to_enter(JsonValue& into, const Cursor& cursor, int depth, std::string_view wanted) {
  if (depth >= json_depth_max)
    return into.fail("too_deep", "nested deeper than " + std::to_string(json_depth_max) + " levels");
  return refuse(into, cursor, wanted);
}

}  // namespace

Error json_error(const JsonFailure& failure, JsonTells tells) {
  constexpr std::size_t long_path = 240, half = long_path / 2 - 20;
  const bool tells_all = tells == JsonTells::all;
  std::string path;
  bool is_data = false;
  for (const char c : failure.path) {
    if (c == around_data) {
      is_data = !is_data;
      if (is_data && !tells_all) path += '*';
    } else if (tells_all || !is_data) {
      path += c;
    }
  }
  if (path.size() > long_path) {
    const auto first = path.find_first_of(".[", half), last = path.find_last_of(".[", path.size() - half);
    if (first != path.npos && last != path.npos && first < last) path.replace(first, last - first, "…");
  }
  const std::string_view untold =
      "what stands there is not told, since the event was sealed, or has members that are redacted";
  return {failure.code, "$" + path + ": " + (tells_all ? failure.message : std::string(untold)), Retry::never};
}

bool JsonValue::fail(std::string_view code, std::string message) {
  if (failure_->code.empty()) *failure_ = {std::string(code), std::move(message), {}};
  return false;
}

bool JsonValue::object(Member member, void* context) {
  auto& cursor = as_cursor(value_);
  if (depth_ >= json_depth_max || !cursor.take('{')) return refuse_to_enter(*this, cursor, depth_, "an object");
  return members(member, context);
}

bool JsonValue::members(Member member, void* context) {
  auto& cursor = as_cursor(value_);
  if (cursor.take('}')) return true;
  JsonValue child(value_, *failure_, depth_ + 1);
  std::string unescaped;
  do {
    const char* const quote = cursor.here();
    if (!cursor.take('"')) return fail("invalid_json", name_missing);
    if (!cursor.take(':')) return fail("invalid_json", colon_missing);
    auto name = until_quote(quote + 1);
    if (name.data() == nullptr) {
      if (!unescape_json(quote + 1, &unescaped)) return fail("invalid_json", "malformed name: an escape is wrong");
      name = unescaped;
    }
    const auto* const value = cursor.at;
    if (!member(context, name, child)) return false;
    if (cursor.at == value && !child.skip()) return false;
  } while (cursor.take(','));
  return cursor.take('}') || fail("invalid_json", comma_missing);
}

bool JsonValue::tagged(std::string_view tag, Member on_tag, Member member, void* context) {
  auto& cursor = as_cursor(value_);
  if (depth_ >= json_depth_max || !cursor.take('{')) return refuse_to_enter(*this, cursor, depth_, "an object");
  // What is passed over on the way to the tag is checked when it is read.
  const auto* const begin = cursor.at;
  for (bool is_first = true;; is_first = false) {
    if (*cursor.here() == '}') return fail("missing_member", "there is no member '" + std::string(tag) + "'");
    if (!is_first && !cursor.take(',')) return fail("invalid_json", comma_missing);
    const char* const quote = cursor.here();
    if (!cursor.take('"')) return fail("invalid_json", name_missing);
    if (!cursor.take(':')) return fail("invalid_json", colon_missing);
    if (until_quote(quote + 1) == tag) break;
    if (!cursor.pass_over()) return fail("invalid_json", "malformed object: the document ends in it");
  }
  JsonValue child(value_, *failure_, depth_ + 1);
  const auto token = child.raw();
  const bool is_text = token.size() >= 2 && token.front() == '"';
  if (!is_text) child.fail("wrong_type", "expected a text, got " + std::string(kind_of(cursor)));
  if (!is_text || !on_tag(context, token.substr(1, token.size() - 2), child)) {
    add_to_path("." + std::string(tag));
    return false;
  }
  cursor.at = begin;
  return members(member, context);
}

bool JsonValue::array(Element element, void* context) {
  auto& cursor = as_cursor(value_);
  if (depth_ >= json_depth_max || !cursor.take('[')) return refuse_to_enter(*this, cursor, depth_, "an array");
  if (cursor.take(']')) return true;
  JsonValue child(value_, *failure_, depth_ + 1);
  std::size_t index = 0;
  do {
    const auto* const value = cursor.at;
    if (!element(context, child) || (cursor.at == value && !child.skip())) {
      add_to_path("[" + std::to_string(index) + "]");
      return false;
    }
    ++index;
  } while (cursor.take(','));
  return cursor.take(']') || fail("invalid_json", "malformed array: a comma is missing between elements");
}

bool JsonValue::text(std::string& out) {
  auto& cursor = as_cursor(value_);
  const char* const quote = cursor.here();
  if (*quote != '"') return refuse(*this, cursor, "a text");
  // A text without escapes is there already.
  if (const auto text = until_quote(quote + 1); text.data() != nullptr)
    assign_padded(out, text);
  else if (!unescape_json(quote + 1, &out))
    return fail("invalid_json", wrong_escape);
  ++cursor.at;
  return true;
}

bool JsonValue::integer(std::int64_t& out) {
  auto& cursor = as_cursor(value_);
  const char* const begin = cursor.here();
  const std::uint64_t is_negative = *begin == '-' ? 1 : 0;
  const auto digits = json_digits(begin + is_negative);
  constexpr std::uint64_t positive_max = std::uint64_t{1} << 63;
  if (digits.end == nullptr || !cursor.is_end(digits.end) || digits.value >= positive_max + is_negative)
    return refuse_number(*this, cursor, true, "64 bits with a sign");
  out = static_cast<std::int64_t>(is_negative != 0 ? 0 - digits.value : digits.value);
  ++cursor.at;
  return true;
}

bool JsonValue::integer(std::uint64_t& out) {
  auto& cursor = as_cursor(value_);
  const auto digits = json_digits(cursor.here());
  if (digits.end == nullptr || !cursor.is_end(digits.end))
    return refuse_number(*this, cursor, true, "64 bits without a sign");
  out = digits.value;
  ++cursor.at;
  return true;
}

bool JsonValue::number(double& out) {
  auto& cursor = as_cursor(value_);
  const auto text = raw();
  const auto value = is_json_number(text) ? json_double(text) : std::nullopt;
  if (!value) return refuse_number(*this, cursor, false, "a double");
  out = *value;
  ++cursor.at;
  return true;
}

bool JsonValue::boolean(bool& out) {
  auto& cursor = as_cursor(value_);
  if (cursor.take_literal("true"))
    out = true;
  else if (cursor.take_literal("false"))
    out = false;
  else
    return refuse(*this, cursor, "a boolean");
  return true;
}

bool JsonValue::null() {
  return as_cursor(value_).take_literal("null");
}

std::string_view JsonValue::raw() {
  const auto& cursor = as_cursor(value_);
  // Behind the last token stands another, which is empty.
  return trimmed({cursor.here(), cursor.at[1] - std::size_t{cursor.at[0]}});
}

bool JsonValue::skip() {
  auto& cursor = as_cursor(value_);
  switch (const char token = *cursor.here()) {
    case '{':
      return object([](void*, std::string_view, JsonValue& inner) { return inner.skip(); }, nullptr);
    case '[':
      return array([](void*, JsonValue& inner) { return inner.skip(); }, nullptr);
    case '"':
      if (!unescape_json(cursor.here() + 1, nullptr)) return fail("invalid_json", wrong_escape);
      ++cursor.at;
      return true;
    case 't':
    case 'f': {
      bool ignored = false;
      return boolean(ignored);
    }
    case 'n':
      return null() || fail("invalid_json", "malformed value");
    default:
      // By the grammar alone: a number that fits no type of ours is well-formed, and nobody reads it.
      if (token != '-' && (token < '0' || token > '9')) return fail("invalid_json", "malformed value");
      if (!is_json_number(raw())) return fail("invalid_json", "malformed number");
      ++cursor.at;
      return true;
  }
}

bool JsonValue::copy(std::string& out) {
  const auto& cursor = as_cursor(value_);
  const char* const begin = cursor.here();
  const auto scalar = raw();
  if (!skip()) return false;
  if (scalar != "{" && scalar != "[") {
    out.assign(scalar);
    return true;
  }
  const char* const end = cursor.document.text + cursor.at[-1] + 1;  // behind the bracket that closed it
  out.assign(begin, end);
  return true;
}

Result<> read_json(std::string_view document, bool (*read)(void* context, JsonValue& value), void* context,
                   ReadOptions options) {
  auto* const shared = JsonParser::of_this_thread();
  std::optional<JsonParser> own;  // a reader that reads another document meanwhile
  auto& parser = shared == nullptr || shared->is_busy ? own.emplace() : *shared;
  struct Busy {
    JsonParser& parser;
    explicit Busy(JsonParser& of) : parser(of) { parser.is_busy = true; }
    ~Busy() { parser.is_busy = false; }
  } busy{parser};
  JsonFailure failure;
  const auto error_of = [&](const JsonFailure& why) { return json_error(why, options.tells); };
  auto opened = parser.open(document);
  if (!opened) return error_of({opened.error().code, opened.error().message, {}});
  Cursor cursor{*opened};
  if (kind_of(cursor) == "something malformed")
    return error_of({"invalid_json", "the document is no JSON: it begins with no value", {}});
  JsonValue value(&cursor, failure, options.depth);
  if (!read(context, value))
    return error_of(failure.code.empty() ? JsonFailure{"invalid_json", "the document was refused", {}} : failure);
  if (cursor.at != cursor.document.end) return error_of({"invalid_json", "something stands behind the document", {}});
  return {};
}

}  // namespace tidings::detail
