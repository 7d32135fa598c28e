#include "tidings/event/detail/json_writer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "event/eight_bytes.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/detail/json_value.hpp"
#include "tidings/event/json.hpp"

namespace tidings {
namespace {

/// Which bytes of a text cannot stand in JSON as they are.
constexpr auto needs_escape = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = true;
  table['"'] = table['\\'] = true;
  return table;
}();

/// Six bytes at most.
char* put_escape(char* out, char c) {
  static constexpr char hex[] = "0123456789abcdef";
  static constexpr std::string_view plain = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
  *out++ = '\\';
  if (const auto at = plain.find(c); at != plain.npos) {
    *out++ = letters[at];
    return out;
  }
  for (const char digit : {'u', '0', '0', hex[static_cast<unsigned char>(c) >> 4], hex[c & 15]}) *out++ = digit;
  return out;
}

/// Not zero where one of eight bytes is a control character, a quote, a backslash or not ASCII.
std::uint64_t special_bytes(std::uint64_t eight) {
  return (((eight - every_byte(0x20)) & ~eight & every_byte(0x80)) | zero_bytes(eight ^ every_byte('"')) |
          zero_bytes(eight ^ every_byte('\\')) | (eight & every_byte(0x80)));
}

/// Whether a text stands in JSON as it is.
bool is_plain(std::string_view text) {
  if (text.size() < 8) {
    for (const char c : text)
      if (needs_escape[static_cast<unsigned char>(c)] || static_cast<unsigned char>(c) >= 0x80) return false;
    return true;
  }
  for (std::size_t at = 0; at + 8 < text.size(); at += 8)
    if (special_bytes(eight_bytes(text.data() + at)) != 0) return false;
  return special_bytes(eight_bytes(text.data() + text.size() - 8)) == 0;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  char escape[6];
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!needs_escape[static_cast<unsigned char>(text[i])]) continue;
    out.append(text, begin, i - begin);
    out.append(escape, static_cast<std::size_t>(put_escape(escape, text[i]) - escape));
    begin = i + 1;
  }
  out.append(text, begin);
  out += '"';
}

namespace detail {

namespace {
constexpr std::size_t room_min = 256;
}

JsonWriter::JsonWriter(std::string& out) : out_(out), kept_(out.size()) {
  const auto room = std::max(out.capacity(), kept_ + room_min);
  out_.resize_and_overwrite(room, [](char*, std::size_t size) { return size; });
  at_ = out_.data() + kept_;
  end_ = out_.data() + room;
}

void JsonWriter::grow(std::size_t size) {
  const auto used = static_cast<std::size_t>(at_ - out_.data());
  const auto room = std::max(out_.size() * 2, used + size + room_min);
  out_.resize_and_overwrite(room, [](char*, std::size_t all) { return all; });
  at_ = out_.data() + used;
  end_ = out_.data() + room;
}

void JsonWriter::quoted(std::string_view plain) {
  need(plain.size() + 2);
  *at_++ = '"';
  std::memcpy(at_, plain.data(), plain.size());
  at_ += plain.size();
  *at_++ = '"';
}

bool JsonWriter::text(std::string_view text) {
  if (is_plain(text)) [[likely]] {
    quoted(text);
    return true;
  }
  if (!is_utf8(text)) return fail("invalid_utf8", "a text must be UTF-8; bytes go into std::vector<std::byte>");
  escaped(text);
  return true;
}

void JsonWriter::escaped(std::string_view text) {
  need(text.size() * 6 + 2);
  *at_++ = '"';
  for (const char c : text)
    if (needs_escape[static_cast<unsigned char>(c)])
      at_ = put_escape(at_, c);
    else
      *at_++ = c;
  *at_++ = '"';
}

template <class Number>
void JsonWriter::append(Number number) {
  need(40);
  at_ = std::to_chars(at_, end_, number).ptr;
}

bool JsonWriter::number(double number) {
  if (!std::isfinite(number)) return fail("not_finite", "JSON has no NaN and no infinity");
  append(number);
  return true;
}
bool JsonWriter::number(float number) {
  if (!std::isfinite(number)) return fail("not_finite", "JSON has no NaN and no infinity");
  append(number);
  return true;
}
void JsonWriter::integer(std::int64_t number) {
  append(number);
}
void JsonWriter::integer(std::uint64_t number) {
  append(number);
}

void JsonWriter::bytes(const std::vector<std::byte>& bytes) {
  quoted(to_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

bool JsonWriter::refuse_to_enter() {
  return fail("too_deep", "nested deeper than " + std::to_string(json_depth_max) + " levels, which no reader takes");
}
bool JsonWriter::fail(std::string_view code, std::string why) {
  code_ = code;
  message_ = std::move(why);
  return false;
}
void JsonWriter::add_to_path(std::string_view before, std::string_view name) {
  path_.insert(0, std::string(before) + printable(name.substr(0, 64)));
}
void JsonWriter::add_to_path(std::size_t index) {
  path_.insert(0, "[" + std::to_string(index) + "]");
}
void JsonWriter::add_data_to_path(std::string_view name) {
  path_.insert(0, std::string(".") + around_data + printable(name.substr(0, 64)) + around_data);
}
Error JsonWriter::error(JsonTells tells) const {
  return json_error({code_, message_, path_}, tells);
}

}  // namespace detail
}  // namespace tidings
