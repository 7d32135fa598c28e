#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tidings/base/time.hpp"
#include "tidings/event/codec.hpp"
#include "tidings/event/json.hpp"
#include "tidings/event/json_value.hpp"
#include "tidings/event/reflect.hpp"

namespace tidings {

namespace detail {

template <class>
inline constexpr bool never = false;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_text_map = false;
template <class T>
inline constexpr bool is_text_map<std::map<std::string, T>> = true;
template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;
template <class T>
inline constexpr bool is_time_point = false;
template <class D>
inline constexpr bool is_time_point<std::chrono::time_point<std::chrono::system_clock, D>> = true;
using Bytes = std::vector<std::byte>;

bool write_json_text(std::string& out, std::string_view text);  ///< false: not UTF-8
bool write_json_number(std::string& out, double number);        ///< false: NaN or infinite
void write_json_number(std::string& out, float number);
void write_json_integer(std::string& out, std::int64_t number);
void write_json_integer(std::string& out, std::uint64_t number);
void write_json_bytes(std::string& out, const Bytes& bytes);
bool read_json_bytes(JsonValue& value, Bytes& bytes);
bool read_json_time(JsonValue& value, TimePoint& time);
bool read_json_duration(JsonValue& value, Duration& duration);
bool fail_enum(JsonValue& value, std::string_view got, std::span<const std::string_view> names);

/// Why a value cannot be written; the path grows on the way up.
struct WriteFailure {
  std::string code;
  std::string message;
  std::string path;
  bool fail(std::string_view why_code, std::string why) {
    code = why_code;
    message = std::move(why);
    return false;
  }
};

template <class T>
constexpr void refuse_type() {
  static_assert(never<T>,
                "this member's type has no JSON form; use bool, integers, floating point, enums, std::string, chrono "
                "time points and durations, "
                "std::optional, vector, array, map<std::string, …> or a plain struct of those");
}

template <class T>
bool write_json(std::string& out, const T& value, WriteFailure& failure);

template <class Range>
bool write_json_range(std::string& out, const Range& range, WriteFailure& failure) {
  out += '[';
  std::size_t index = 0;
  for (const auto& element : range) {
    if (index != 0) out += ',';
    // A copy of vector<bool>'s proxy; a reference to everything else.
    using Element = typename Range::value_type;
    if (!write_json<Element>(out, element, failure)) {
      failure.path.insert(0, "[" + std::to_string(index) + "]");
      return false;
    }
    ++index;
  }
  out += ']';
  return true;
}

/// `"name":` of every member, made when compiling.
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

template <class T>
bool write_json_struct(std::string& out, const T& value, WriteFailure& failure) {
  if constexpr (member_count<T> == 0) {
    out += "{}";
    return true;
  } else {
    const bool written = with_members(value, [&]<class... Members>(const Members&... members) {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        const auto one = [&]<std::size_t N>(std::integral_constant<std::size_t, N>, const auto& member) {
          constexpr auto& prefix = member_prefix<T, N>;
          out.append(prefix.data(), prefix.size());
          if (write_json(out, member, failure)) return true;
          failure.path.insert(0, "." + std::string(member_names<T>[N]));
          return false;
        };
        return (one(std::integral_constant<std::size_t, I>{}, members) && ...);
      }(std::index_sequence_for<Members...>{});
    });
    out += '}';
    return written;
  }
}

template <class T>
bool write_json(std::string& out, const T& value, WriteFailure& failure) {
  if constexpr (std::same_as<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_enum_v<T>) {
    for (const auto& one : enumerators<T>)
      if (one.value == value) {
        out += '"';
        out += one.name;
        out += '"';
        return true;
      }
    return failure.fail("unknown_enumerator",
                        "the value " + std::to_string(static_cast<std::int64_t>(value)) + " has no name in its enum");
  } else if constexpr (std::integral<T>) {
    if constexpr (std::is_signed_v<T>)
      write_json_integer(out, static_cast<std::int64_t>(value));
    else
      write_json_integer(out, static_cast<std::uint64_t>(value));
  } else if constexpr (std::same_as<T, float>) {
    if (!(value - value == 0)) return failure.fail("not_finite", "JSON has no NaN and no infinity");
    write_json_number(out, value);
  } else if constexpr (std::floating_point<T>) {
    if (!write_json_number(out, static_cast<double>(value)))
      return failure.fail("not_finite", "JSON has no NaN and no infinity");
  } else if constexpr (std::same_as<T, std::string>) {
    if (!write_json_text(out, value))
      return failure.fail("invalid_utf8", "a text must be UTF-8; bytes go into std::vector<std::byte>");
  } else if constexpr (std::same_as<T, Bytes>) {
    write_json_bytes(out, value);
  } else if constexpr (is_optional<T>) {
    if (value) return write_json(out, *value, failure);
    out += "null";
  } else if constexpr (is_vector<T> || is_array<T>) {
    return write_json_range(out, value, failure);
  } else if constexpr (is_text_map<T>) {
    out += '{';
    bool first = true;
    for (const auto& [name, member] : value) {
      if (!first) out += ',';
      first = false;
      if (!write_json_text(out, name)) return failure.fail("invalid_utf8", "a name must be UTF-8");
      out += ':';
      if (!write_json(out, member, failure)) {
        failure.path.insert(0, "." + name);
        return false;
      }
    }
    out += '}';
  } else if constexpr (is_duration<T>) {
    out += '"' + to_iso8601(std::chrono::duration_cast<Duration>(value)) + '"';
  } else if constexpr (is_time_point<T>) {
    out += '"' + to_rfc3339(std::chrono::time_point_cast<Duration>(value)) + '"';
  } else if constexpr (Aggregate<T>) {
    return write_json_struct(out, value, failure);
  } else {
    refuse_type<T>();
  }
  return true;
}

template <class T>
bool read_json_value(JsonValue& value, T& out);

template <class T>
bool read_json_integer(JsonValue& value, T& out) {
  std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t> wide = 0;
  if (!value.integer(wide)) return false;
  if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max())
    return value.fail("out_of_range",
                      std::to_string(wide) + " does not fit " + std::to_string(sizeof(T) * 8) + " bits");
  out = static_cast<T>(wide);
  return true;
}

template <class T>
bool read_json_struct(JsonValue& value, T& out) {
  struct Reading {
    T& out;
    std::bitset<(member_count<T> > 0 ? member_count<T> : 1)> seen;
  } reading{out, {}};
  return value.object(
      [](void* context, std::string_view name, JsonValue& inner) {
        auto& self = *static_cast<Reading*>(context);
        if constexpr (member_count<T> == 0) {
          (void)self;
          return inner.skip();
        } else {
          int read = -1;  // -1: no member of that name
          with_members(self.out, [&]<class... Members>(Members&... members) {
            [&]<std::size_t... I>(std::index_sequence<I...>) {
              const auto one = [&]<std::size_t N>(std::integral_constant<std::size_t, N>, auto& member) {
                if (member_names<T>[N] != name) return false;
                if (self.seen.test(N)) {
                  read = inner.fail("duplicate_member", "the name stands twice in one object");
                } else {
                  self.seen.set(N);
                  read = read_json_value(inner, member);
                }
                if (read == 0) inner.add_to_path("." + std::string(name));
                return true;
              };
              (void)(one(std::integral_constant<std::size_t, I>{}, members) || ...);
            }(std::index_sequence_for<Members...>{});
          });
          if (read >= 0) return read == 1;
          if (inner.skip()) return true;
          inner.add_to_path("." + std::string(name));
          return false;
        }
      },
      &reading);
}

template <class T>
bool read_json_value(JsonValue& value, T& out) {
  if constexpr (std::same_as<T, bool>) {
    return value.boolean(out);
  } else if constexpr (std::is_enum_v<T>) {
    std::string text;
    if (!value.text(text)) return false;
    std::array<std::string_view, enumerators<T>.size()> names{};
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (enumerators<T>[i].name == text) {
        out = enumerators<T>[i].value;
        return true;
      }
      names[i] = enumerators<T>[i].name;
    }
    return fail_enum(value, text, names);
  } else if constexpr (std::integral<T>) {
    return read_json_integer(value, out);
  } else if constexpr (std::floating_point<T>) {
    double wide = 0;
    if (!value.number(wide)) return false;
    if constexpr (std::same_as<T, float>)
      if (wide > std::numeric_limits<float>::max() || wide < std::numeric_limits<float>::lowest())
        return value.fail("out_of_range", "the number does not fit a float");
    out = static_cast<T>(wide);
    return true;
  } else if constexpr (std::same_as<T, std::string>) {
    return value.text(out);
  } else if constexpr (std::same_as<T, Bytes>) {
    return read_json_bytes(value, out);
  } else if constexpr (is_optional<T>) {
    if (value.null()) {
      out.reset();
      return true;
    }
    return read_json_value(value, out.emplace());
  } else if constexpr (is_vector<T>) {
    out.clear();
    return value.array(
        [](void* context, JsonValue& element) {
          auto& into = *static_cast<T*>(context);
          if constexpr (std::same_as<typename T::value_type, bool>) {
            bool one = false;
            if (!read_json_value(element, one)) return false;
            into.push_back(one);
            return true;
          } else {
            return read_json_value(element, into.emplace_back());
          }
        },
        &out);
  } else if constexpr (is_array<T>) {
    struct Reading {
      T& out;
      std::size_t next = 0;
    } reading{out};
    if (!value.array(
            [](void* context, JsonValue& element) {
              auto& self = *static_cast<Reading*>(context);
              if (self.next == self.out.size())
                return element.fail("wrong_type", "more than " + std::to_string(self.out.size()) + " elements");
              return read_json_value(element, self.out[self.next++]);
            },
            &reading))
      return false;
    return reading.next == out.size() ||
           value.fail("wrong_type", "fewer than " + std::to_string(out.size()) + " elements");
  } else if constexpr (is_text_map<T>) {
    out.clear();
    return value.object(
        [](void* context, std::string_view name, JsonValue& inner) {
          auto& into = *static_cast<T*>(context);
          const auto [place, added] = into.try_emplace(std::string(name));
          if (added ? read_json_value(inner, place->second)
                    : inner.fail("duplicate_member", "the name stands twice in one object"))
            return true;
          inner.add_to_path("." + place->first);
          return false;
        },
        &out);
  } else if constexpr (is_duration<T>) {
    Duration wide{};
    if (!read_json_duration(value, wide)) return false;
    out = std::chrono::duration_cast<T>(wide);
    return true;
  } else if constexpr (is_time_point<T>) {
    TimePoint wide;
    if (!read_json_time(value, wide)) return false;
    out = std::chrono::time_point_cast<typename T::duration>(wide);
    return true;
  } else if constexpr (Aggregate<T>) {
    return read_json_struct(value, out);
  } else {
    refuse_type<T>();
    return false;
  }
}

Error write_error(const WriteFailure& failure);

}  // namespace detail

/// The default codec: the members' names verbatim; time points RFC 3339, durations ISO 8601, bytes base64, enums by
/// name, an empty optional null.
struct JsonCodec {
  static constexpr std::string_view content_type = "application/json";

  /// Appends `event`, written in one pass. Errors (never; nothing is appended): `invalid_utf8`, `not_finite`,
  /// `unknown_enumerator`, with the path.
  template <class T>
  static Result<> encode(const T& event, std::string& out) {
    const auto before = out.size();
    detail::WriteFailure failure;
    if (detail::write_json(out, event, failure)) return {};
    out.resize(before);
    return detail::write_error(failure);
  }

  /// Members that are missing keep their initialiser, unknown ones are skipped (and must be well-formed). A member that
  /// stands twice is refused. Errors (never): `invalid_json`, `wrong_type`, `out_of_range`, `duplicate_member`,
  /// `unknown_enumerator`, `too_deep`, with the path.
  template <class T>
  static Result<T> decode(std::string_view json) {
    T event{};
    auto read = read_json(
        json, [](void* context, JsonValue& value) { return detail::read_json_value(value, *static_cast<T*>(context)); },
        &event);
    if (!read) return std::move(read.error());
    return event;
  }
};

}  // namespace tidings
