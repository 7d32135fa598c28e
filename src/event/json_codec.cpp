#include "tidings/event/json_codec.hpp"

#include <charconv>
#include <cmath>

#include "tidings/base/text.hpp"

namespace tidings {
namespace {

template <class Number>
void append_number(std::string& out, Number number) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, static_cast<std::size_t>(end - text));
}

/// Which bytes of a text cannot stand in JSON as they are.
constexpr auto needs_escape = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = true;
  table['"'] = table['\\'] = true;
  return table;
}();

void append_escape(std::string& out, char c) {
  static constexpr char hex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += "\\u00";
      out += hex[static_cast<unsigned char>(c) >> 4];
      out += hex[static_cast<unsigned char>(c) & 15];
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!needs_escape[static_cast<unsigned char>(text[i])]) continue;
    out.append(text, begin, i - begin);
    append_escape(out, text[i]);
    begin = i + 1;
  }
  out.append(text, begin);
  out += '"';
}

Result<> check_json(std::string_view document) {
  return read_json(document, [](void*, JsonValue& value) { return value.skip(); }, nullptr);
}

Result<std::string> json_member_text(std::string_view document, std::string_view member) {
  struct Reading {
    std::string_view wanted;
    std::optional<std::string> found;
  } reading{member, {}};
  auto read = read_json(
      document,
      [](void* context, JsonValue& root) {
        return root.object(
            [](void* inner_context, std::string_view name, JsonValue& value) {
              auto& self = *static_cast<Reading*>(inner_context);
              if (name != self.wanted) return value.skip();
              if (self.found)
                return value.fail("duplicate_member", "the name " + printable(name) + " stands twice in one object");
              const auto raw = value.raw();
              const bool is_text = !raw.empty() && raw.front() == '"';
              if (!is_text && raw.find_first_not_of("-0123456789") != raw.npos)
                return value.fail("wrong_type", "the member " + printable(name) + " must be a text or an integer");
              if (is_text) return value.text(self.found.emplace());
              self.found = std::string(raw);
              return value.skip();
            },
            context);
      },
      &reading);
  if (!read) return std::move(read.error());
  if (!reading.found) return Error{"missing_member", "there is no member '" + printable(member) + "'"};
  return std::move(*reading.found);
}

namespace detail {

bool write_json_text(std::string& out, std::string_view text) {
  bool ascii = true;
  for (const char c : text) ascii &= static_cast<unsigned char>(c) < 0x80;
  if (!ascii && !is_utf8(text)) return false;
  append_json_string(out, text);
  return true;
}

bool write_json_number(std::string& out, double number) {
  if (!std::isfinite(number)) return false;
  append_number(out, number);
  return true;
}

void write_json_number(std::string& out, float number) {
  append_number(out, number);
}
void write_json_integer(std::string& out, std::int64_t number) {
  append_number(out, number);
}
void write_json_integer(std::string& out, std::uint64_t number) {
  append_number(out, number);
}

void write_json_bytes(std::string& out, const Bytes& bytes) {
  out += '"' + to_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()}) + '"';
}

bool read_json_bytes(JsonValue& value, Bytes& bytes) {
  std::string text;
  if (!value.text(text)) return false;
  auto raw = from_base64(text);
  if (!raw) return value.fail("wrong_type", raw.error().message);
  const auto* const begin = reinterpret_cast<const std::byte*>(raw->data());
  bytes.assign(begin, begin + raw->size());
  return true;
}

bool read_json_time(JsonValue& value, TimePoint& time) {
  std::string text;
  if (!value.text(text)) return false;
  auto read = parse_rfc3339(text);
  if (!read) return value.fail("wrong_type", printable(read.error().message));
  time = *read;
  return true;
}

bool read_json_duration(JsonValue& value, Duration& duration) {
  std::string text;
  if (!value.text(text)) return false;
  auto read = parse_iso8601_duration(text);
  if (!read) return value.fail("wrong_type", printable(read.error().message));
  duration = *read;
  return true;
}

bool fail_enum(JsonValue& value, std::string_view got, std::span<const std::string_view> names) {
  std::string known;
  for (const auto name : names) known += (known.empty() ? "" : ", ") + std::string(name);
  return value.fail("unknown_enumerator", "'" + printable(got.substr(0, 64)) + "' is none of " + known);
}

Error write_error(const WriteFailure& failure) {
  return {failure.code, "$" + failure.path + ": " + failure.message, Retry::never};
}

}  // namespace detail
}  // namespace tidings
