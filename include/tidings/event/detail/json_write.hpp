#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "tidings/event/detail/fits.hpp"
#include "tidings/event/detail/json_types.hpp"
#include "tidings/event/detail/json_writer.hpp"
#include "tidings/event/detail/variant_names.hpp"

// From a value to JSON, in one pass. Each function returns false where a value cannot be written, and has noted why.

namespace tidings::detail {

template <class T>
bool write_json(JsonWriter& out, const T& value);

template <class Range>
bool write_json_range(JsonWriter& out, const Range& range) {
  if (!out.enter()) return false;
  out.raw('[');
  std::size_t index = 0;
  for (const auto& element : range) {
    if (index != 0) out.raw(',');
    // A copy of vector<bool>'s proxy; a reference to everything else.
    using Element = typename Range::value_type;
    if (!write_json<Element>(out, element)) {
      out.add_to_path(index);
      return false;
    }
    ++index;
  }
  out.raw(']');
  out.leave();
  return true;
}

template <class K>
bool write_json_key(JsonWriter& out, const K& key) {
  if constexpr (is_strong<K>) {
    return write_json_key(out, strong_value(key));
  } else if constexpr (is_integer<K>) {
    out.quoted(std::to_string(key));
    return true;
  } else {
    return write_json(out, key);
  }
}

/// As a path shows it.
template <class K>
std::string map_key_text(const K& key) {
  if constexpr (is_strong<K>)
    return map_key_text(strong_value(key));
  else if constexpr (is_integer<K>)
    return std::to_string(key);
  else if constexpr (std::is_enum_v<K>)
    return std::to_string(static_cast<std::underlying_type_t<K>>(key));
  else
    return key;
}

template <class Map>
bool write_json_map(JsonWriter& out, const Map& map) {
  if (!out.enter()) return false;
  out.raw('{');
  bool first = true;
  for (const auto& [name, member] : map) {
    if (!first) out.raw(',');
    first = false;
    if (!write_json_key(out, name)) return false;
    out.raw(':');
    if (!write_json(out, member)) {
      out.add_data_to_path(map_key_text(name));
      return false;
    }
  }
  out.raw('}');
  out.leave();
  return true;
}

/// `{"name":` or `,"name":` of every member, made when compiling.
template <class T, std::size_t I>
inline constexpr auto member_prefix = [] {
  constexpr auto name = member_names<T>[I];
  std::array<char, name.size() + 4> text{};
  std::size_t at = 0;
  text[at++] = I == 0 ? '{' : ',';
  text[at++] = '"';
  for (const char c : name) text[at++] = c;
  text[at++] = '"';
  text[at++] = ':';
  return text;
}();

template <class T, std::size_t I, class Member>
bool write_json_member(JsonWriter& out, const Member& member) {
  out.raw(member_prefix<T, I>);
  if (write_json(out, member)) return true;
  out.add_to_path(".", member_names<T>[I]);
  return false;
}

template <class T>
bool write_json_struct(JsonWriter& out, const T& value) {
  if (!out.enter()) return false;
  return with_members(value, [&]<class... Members>(const Members&... members) {
    if constexpr (sizeof...(Members) == 0) {
      out.raw("{}");
      out.leave();
      return true;
    } else if constexpr (members_have_json<Members...>) {
      const bool written = [&]<std::size_t... I>(std::index_sequence<I...>) {
        return (write_json_member<T, I>(out, members) && ...);
      }(std::index_sequence_for<Members...>{});
      out.raw('}');
      out.leave();
      return written;
    } else {
      refuse_members<T, Members...>();
      return false;
    }
  });
}

template <class T>
bool write_json_variant(JsonWriter& out, const T& value) {
  using Names = VariantNames<T>;
  if (value.valueless_by_exception()) return out.fail("no_value", "the variant holds nothing after an exception");
  if (!out.enter()) return false;
  out.raw(R"({"type":)");
  out.quoted(Names::names[value.index()]);
  out.raw(R"(,"value":)");
  if (!std::visit([&](const auto& alternative) { return write_json(out, alternative); }, value)) {
    out.add_to_path(".", "value");
    return false;
  }
  out.raw('}');
  out.leave();
  return true;
}

template <class T>
bool write_json_enum(JsonWriter& out, T value) {
  for (const auto& one : enumerators<T>)
    if (one.value == value) {
      out.quoted(one.name);
      return true;
    }
  return out.fail("unknown_enumerator", "the value " + std::to_string(static_cast<std::underlying_type_t<T>>(value)) +
                                            " has no name in its enum");
}

template <class T>
bool write_json(JsonWriter& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out.raw(value ? std::string_view("true") : std::string_view("false"));
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    out.raw("null");
  } else if constexpr (!has_json<T>) {
    (void)MemberWithoutJson<T, MemberName<0>{}, Offender<T>>{};
    return false;
  } else if constexpr (std::is_enum_v<T>) {
    return write_json_enum(out, value);
  } else if constexpr (is_integer<T>) {
    out.integer(static_cast<std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    return out.number(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return out.text(value);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    out.bytes(value);
  } else if constexpr (HasEventData<T>) {
    if constexpr (data_is_right<T>())
      return write_json<DataOf<T>>(out, as_data(value));
    else
      (void)EventDataPair<T>{};
    return false;
  } else if constexpr (is_strong<T>) {
    if constexpr (strong_is_right<T>())
      return write_json(out, strong_value(value));
    else
      (void)StrongStruct<T>{};
    return false;
  } else if constexpr (is_optional<T>) {
    if (value) return write_json(out, *value);
    out.raw("null");
  } else if constexpr (is_vector<T> || is_array<T>) {
    return write_json_range(out, value);
  } else if constexpr (is_map<T>) {
    return write_json_map(out, value);
  } else if constexpr (is_variant<T>) {
    return write_json_variant(out, value);
  } else if constexpr (is_duration<T>) {
    if (!fits<Duration>(value)) return out.fail("out_of_range", "the duration does not fit 292 years");
    out.duration(std::chrono::duration_cast<Duration>(value));
  } else if constexpr (is_time_point<T>) {
    if (!fits<Duration>(value.time_since_epoch()))
      return out.fail("out_of_range", "the time is outside the years 1677 to 2262");
    out.time(std::chrono::time_point_cast<Duration>(value));
  } else {
    return write_json_struct(out, value);
  }
  return true;
}

}  // namespace tidings::detail
