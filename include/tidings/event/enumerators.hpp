#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

/// Compile-time reflection of enums: the names of the values -16 to 127, as the compiler tells them.

namespace tidings {

namespace detail {

template <class Enum, Enum Value>
consteval std::string_view text_of_enumerator() {
  return __PRETTY_FUNCTION__;
}

/// g++: "… [with Enum = E; Enum Value = E::name; …]" or "(E)7"; clang: "… [Enum = E, Value = E::name]". Empty where no
/// enumerator has that value.
consteval std::string_view enumerator_name(std::string_view text) {
  text = text.substr(0, text.find_first_of(";]", text.find("Value = ")));
  const auto before = text.find_last_of(":)- ");
  return text[before] == ':' || text[before] == ' ' ? text.substr(before + 1) : std::string_view{};
}

template <class Enum>
struct Enumerator {
  std::string_view name;
  Enum value;
};

/// The bits, since an enum without a fixed type (`enum Old { a, b }`) cannot be cast from every number.
template <class Enum, int Value>
consteval Enumerator<Enum> ask_value() {
  constexpr auto value = __builtin_bit_cast(Enum, static_cast<std::underlying_type_t<Enum>>(Value));
  return {enumerator_name(text_of_enumerator<Enum, value>()), value};
}

/// The values that are asked for a name: -16 (0 where the enum has no sign) to 127.
template <class Enum>
inline constexpr auto asked_values = [] {
  using Raw = std::underlying_type_t<Enum>;
  constexpr int low = std::is_signed_v<Raw> ? -16 : 0;
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Enumerator<Enum>, sizeof...(I)>{ask_value<Enum, static_cast<int>(I) + low>()...};
  }(std::make_index_sequence<(std::is_same_v<Raw, bool> ? 2 : 128 - low)>{});
}();

template <class Enum>
inline constexpr std::size_t enumerator_count = [] {
  std::size_t named = 0;
  for (const auto& one : asked_values<Enum>) named += one.name.empty() ? 0 : 1;
  return named;
}();

template <class Enum>
consteval auto make_enumerators() {
  std::array<Enumerator<Enum>, enumerator_count<Enum>> named{};
  std::size_t next = 0;
  for (const auto& one : asked_values<Enum>)
    if (!one.name.empty()) named[next++] = one;
  return named;
}

}  // namespace detail

/// The enumerators whose values lie from -16 to 127, by value.
template <class Enum>
  requires std::is_enum_v<Enum>
inline constexpr auto enumerators = detail::make_enumerators<Enum>();

}  // namespace tidings
