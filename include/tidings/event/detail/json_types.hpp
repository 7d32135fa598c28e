#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "tidings/event/detail/is_optional.hpp"
#include "tidings/event/enumerators.hpp"
#include "tidings/event/event_data.hpp"
#include "tidings/event/reflect.hpp"
#include "tidings/event/strong_type.hpp"
#include "tidings/event/traits.hpp"

// Which types have a JSON form, and one sentence for each of those that have none.

namespace tidings::detail {

template <class>
inline constexpr bool never = false;

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_map = false;
template <class K, class T, class Less>
inline constexpr bool is_map<std::map<K, T, Less>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... Ts>
inline constexpr bool is_variant<std::variant<Ts...>> = true;
template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;
template <class T>
inline constexpr bool is_time_point = false;
template <class D>
inline constexpr bool is_time_point<std::chrono::time_point<std::chrono::system_clock, D>> = true;
using Bytes = std::vector<std::byte>;

template <class T>
inline constexpr bool is_character =
    std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> ||
    std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;
template <class T>
inline constexpr bool is_integer =
    std::integral<T> && !std::is_same_v<T, bool> && !is_character<T> && sizeof(T) <= sizeof(std::int64_t);

template <class T>
consteval bool is_basic() {
  if constexpr (std::is_enum_v<T>)
    return !enumerators<T>.empty();
  else
    return std::is_same_v<T, bool> || is_integer<T> || std::is_same_v<T, float> || std::is_same_v<T, double> ||
           std::is_same_v<T, std::string> || std::is_same_v<T, Bytes> || std::is_same_v<T, std::monostate> ||
           is_duration<T> || is_time_point<T>;
}

/// The name of a map's member: a text, an integer, an enumerator, or a strong type of one.
template <class T>
consteval bool is_map_key() {
  if constexpr (is_strong<T>) {
    if constexpr (strong_is_right<T>())
      return is_map_key<StrongValue<T>>();
    else
      return false;
  } else {
    return std::is_same_v<T, std::string> || is_integer<T> || (std::is_enum_v<T> && is_basic<T>());
  }
}

/// Whether a value of it may be null in JSON, so that an optional of it would not come back.
template <class T>
consteval bool may_be_null() {
  if constexpr (is_strong<T>) {
    if constexpr (strong_is_right<T>()) return may_be_null<StrongValue<T>>();
  } else if constexpr (HasEventData<T>) {
    if constexpr (data_is_right<T>()) return may_be_null<DataOf<T>>();
  }
  return is_optional<T> || std::is_same_v<T, std::monostate>;
}

template <class T>
struct NoJson {
  using type = T;
};
template <class T>
struct NoMapKey {
  using type = T;
};

/// What in `T` has no JSON form: `NoJson<void>` where all of it has one.
template <class T>
consteval auto find_offender();

template <class Variant>
struct Alternatives;
template <class... Ts>
struct Alternatives<std::variant<Ts...>> {
  static consteval auto offender() { return first<Ts...>(); }
  template <class T, class... Rest>
  static consteval auto first() {
    using Found = decltype(find_offender<T>());
    if constexpr (!std::is_same_v<Found, NoJson<void>> || sizeof...(Rest) == 0)
      return Found{};
    else
      return first<Rest...>();
  }
};

template <class T>
consteval auto find_offender() {
  if constexpr (std::is_const_v<T>) {
    return NoJson<T>{};
  } else if constexpr (is_basic<T>()) {
    return NoJson<void>{};
  } else if constexpr (is_strong<T> || HasEventData<T>) {
    return NoJson<void>{};  // looked at by themselves
  } else if constexpr (is_optional<T>) {
    if constexpr (may_be_null<typename T::value_type>())
      return NoJson<T>{};
    else
      return find_offender<typename T::value_type>();
  } else if constexpr (is_vector<T> || is_array<T>) {
    return find_offender<typename T::value_type>();
  } else if constexpr (is_map<T>) {
    if constexpr (is_map_key<typename T::key_type>())
      return find_offender<typename T::mapped_type>();
    else
      return NoMapKey<typename T::key_type>{};
  } else if constexpr (is_variant<T>) {
    return Alternatives<T>::offender();
  } else if constexpr (PlainStruct<T>) {
    return NoJson<void>{};  // its members are looked at by themselves
  } else {
    return NoJson<T>{};
  }
}
template <class T>
using Offender = decltype(find_offender<T>());
template <class T>
inline constexpr bool has_json = std::is_same_v<Offender<T>, NoJson<void>>;

template <std::size_t Size>
struct MemberName {
  char text[Size + 1] = {};
};
template <class Struct, std::size_t I>
consteval auto member_name_of() {
  constexpr auto name = member_names<Struct>[I];
  MemberName<name.size()> copy;
  for (std::size_t at = 0; at < name.size(); ++at) copy.text[at] = name[at];
  return copy;
}

/// A class of the user's own that is no plain struct.
template <class T>
consteval bool is_own_class() {
  if constexpr (std::is_class_v<T>)
    return !std::is_const_v<T> && !PlainStruct<T> && !type_name<T>.starts_with("std::");
  else
    return false;
}
template <class T>
consteval bool has_virtual() {
  if constexpr (is_own_class<T>())
    return std::is_polymorphic_v<T>;
  else
    return false;
}

/// Says why the member called `Name` of `Struct` does not compile: `Reason` is the type in it that has no JSON form.
template <class Struct, auto Name, class Reason>
struct MemberWithoutJson {
  using T = typename Reason::type;
  static constexpr bool is_key = std::is_same_v<Reason, NoMapKey<T>>;
  static constexpr bool own_class = !is_key && is_own_class<T>();
  static constexpr bool with_virtual = own_class && has_virtual<T>();
  static constexpr bool other = !is_key && !own_class && !std::is_const_v<T> && !std::is_pointer_v<T> &&
                                !std::is_array_v<T> && !is_character<T> && !std::is_same_v<T, long double> &&
                                !std::is_union_v<T> && !std::is_enum_v<T> && !std::is_same_v<T, std::string_view> &&
                                !is_optional<T>;
  static_assert(!is_key,
                "tidings: the key of a map in an event is a text, an integer, an enum or a strong type of one");
  static_assert(!std::is_const_v<T>, "tidings: no member of an event struct is const: reading sets it");
  static_assert(is_key || std::is_const_v<T> || !std::is_pointer_v<T>,
                "tidings: an event owns what it tells, so no member is a pointer; use the value, std::optional or "
                "std::vector");
  static_assert(!std::is_array_v<T>, "tidings: an event struct has no C arrays; use std::array or std::vector");
  static_assert(is_key || !is_character<T>,
                "tidings: a character is neither text nor number; use std::string, or std::int8_t or std::uint8_t");
  static_assert(is_key || !std::is_same_v<T, long double>,
                "tidings: JSON numbers are doubles, so a long double would lose digits; use double");
  static_assert(!std::is_union_v<T>, "tidings: an event struct has no unions; use std::variant");
  static_assert(is_key || !std::is_enum_v<T>,
                "tidings: this enum has no enumerator from -16 to 127, and enums are written by name; use an integer "
                "or a strong type of one (bytes go into std::vector<std::byte>)");
  static_assert(is_key || !std::is_same_v<T, std::string_view>,
                "tidings: an event owns what it tells, so no member is a string_view; use std::string");
  static_assert(
      !is_optional<T>,
      "tidings: what this optional holds may be null itself, and one null cannot mean both; use one optional, a bool "
      "in place of std::monostate, or a variant");
  static_assert(
      !with_virtual,
      "tidings: this type has no JSON form, since it has virtual functions; make it a plain struct, or give it "
      "to_event_data and from_event_data");
  static_assert(!own_class || with_virtual,
                "tidings: this type has no JSON form, since it has a constructor of its own, private members or a base "
                "that is not public; make it a plain struct, or give it to_event_data and from_event_data");
  static_assert(!other,
                "tidings: this type has no JSON form; use bool, integers, floating point, enums, std::string, chrono "
                "durations and system_clock time points, std::optional, vector, array, map, variant or plain structs "
                "of those, or give its class to_event_data and from_event_data");
};

/// Whether all members of a struct have a JSON form.
template <class... Members>
inline constexpr bool members_have_json = ((has_json<Members> && !is_traits<Members>) && ...);

template <class Struct, std::size_t I, class Member>
void refuse_member() {
  if constexpr (is_traits<Member>)
    (void)EventTraits<Struct>::given;  // says that it must be static
  else if constexpr (!has_json<Member>)
    (void)MemberWithoutJson<Struct, member_name_of<Struct, I>(), Offender<Member>>{};
}

/// Says why not, for each member that has none.
template <class Struct, class... Members>
void refuse_members() {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (refuse_member<Struct, I, Members>(), ...);
  }(std::index_sequence_for<Members...>{});
}

}  // namespace tidings::detail
