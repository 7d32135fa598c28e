#include "tidings/event/json_codec.hpp"

#include <algorithm>

#include "tidings/base/text.hpp"

namespace tidings::detail {

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

bool read_json_name(JsonValue& value, std::span<const std::string_view> names, std::size_t& index) {
  std::string text;
  if (!value.text(text)) return false;
  index = static_cast<std::size_t>(std::ranges::find(names, text) - names.begin());
  return index < names.size() || fail_name(value, "unknown_enumerator", text, names);
}

bool fail_name(JsonValue& value, std::string_view code, std::string_view got, std::span<const std::string_view> names) {
  std::string known;
  for (const auto name : names) known += (known.empty() ? "" : ", ") + std::string(name);
  return value.fail(code, "'" + printable(got.substr(0, 64)) + "' is none of " + known);
}

bool fail_twice(JsonValue& value) {
  return value.fail("duplicate_member", "the name stands twice in one object");
}

bool fail_range(JsonValue& value, std::string_view got, std::size_t bits) {
  return value.fail("out_of_range", printable(got.substr(0, 64)) + " does not fit " + std::to_string(bits) + " bits");
}

bool fail_inside(JsonValue& value, std::string_view member) {
  value.add_to_path("." + std::string(member));
  return false;
}

bool fail_inside_data(JsonValue& value, std::string_view name) {
  value.add_to_path(std::string(".") + around_data + printable(name.substr(0, 64)) + around_data);
  return false;
}

bool fail_count(JsonValue& value, std::string_view which, std::size_t wanted) {
  return value.fail("wrong_type", std::string(which) + " than " + std::to_string(wanted) + " elements");
}

}  // namespace tidings::detail
