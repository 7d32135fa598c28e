#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tidings/event/detail/bind_members.hpp"

/// Compile-time reflection of aggregates: how many members, their names, references to them. Members are counted by
/// brace initialisation, bound by a structured binding, and named by the text that the compiler gives a pointer to a
/// member of a union that is never constructed.

namespace tidings {

namespace detail {

struct AnyValue {
  template <class T>
  operator T() const;
};

template <class T, class... Values>
consteval std::size_t count_members() {
  if constexpr (sizeof...(Values) > members_max) {
    return sizeof...(Values);
  } else if constexpr (requires { T{Values{}..., AnyValue{}}; }) {
    return count_members<T, Values..., AnyValue>();
  } else {
    return sizeof...(Values);
  }
}

template <class T>
union Lazy {
  char none;
  T value;
  constexpr Lazy() : none() {}
  constexpr ~Lazy() {}
};
template <class T>
inline constexpr Lazy<T> lazy{};

template <const auto* Member>
consteval std::string_view text_of_member() {
  return __PRETTY_FUNCTION__;
}

template <class T>
consteval std::string_view text_of_type() {
  return __PRETTY_FUNCTION__;
}

/// g++: "… [with const auto* Member = (& lazy<T>.Lazy<T>::value.T::name); …]"; clang: "… [Member = &lazy.value.name]".
consteval std::string_view member_name(std::string_view text) {
  text = text.substr(0, text.find_first_of(");]", text.find("Member = (") == text.npos ? text.find("Member = ")
                                                                                       : text.find("Member = (") + 10));
  const auto last = text.find_last_of(".:");
  return text.substr(last + 1);
}

/// g++: "… [with T = ns::Type; std::string_view = …]"; clang: "… [T = ns::Type]".
consteval std::string_view type_name_in(std::string_view text) {
  const auto begin = text.find("T = ") + 4;
  const auto semicolon = text.find("; std::string_view = ", begin);
  return text.substr(begin, (semicolon == text.npos ? text.size() - 1 : semicolon) - begin);
}

}  // namespace detail

/// A plain struct: its members are all public, without bases of data, constructors or virtual functions.
template <class T>
concept Aggregate = std::is_aggregate_v<T> && std::is_class_v<T> && !std::is_union_v<T>;

template <Aggregate T>
inline constexpr std::size_t member_count = std::is_empty_v<T> ? 0 : detail::count_members<T>();

/// The qualified name of `T` as the compiler spells it.
template <class T>
inline constexpr std::string_view type_name = detail::type_name_in(detail::text_of_type<T>());

/// Calls `f` with references to the members of `object`, in order, and returns what it returns.
template <class T, class F>
constexpr decltype(auto) with_members(T& object, F&& f) {
  using Plain = std::remove_const_t<T>;
  static_assert(member_count<Plain> <= detail::members_max,
                "an event struct may have 64 members; nest some in a struct of their own");
  if constexpr (member_count<Plain> <= detail::members_max)
    return detail::bind_members<member_count<Plain>>(object, std::forward<F>(f));
}

namespace detail {

template <class T>
inline constexpr auto member_pointers =
    with_members(lazy<T>.value, [](auto&... members) { return std::tuple(&members...); });

template <class T>
consteval auto make_member_names() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<std::string_view, sizeof...(I)>{
        member_name(text_of_member<std::get<I>(member_pointers<T>)>())...};
  }(std::make_index_sequence<member_count<T>>{});
}

}  // namespace detail

template <Aggregate T>
inline constexpr auto member_names = detail::make_member_names<T>();

/// The type of member `I`.
template <Aggregate T, std::size_t I>
using member_type =
    std::remove_cvref_t<std::tuple_element_t<I, decltype(with_members(std::declval<T&>(), [](auto&... members) {
                                               return std::tie(members...);
                                             }))>>;

namespace detail {

template <class Enum, Enum Value>
consteval std::string_view text_of_enumerator() {
  return __PRETTY_FUNCTION__;
}

/// g++: "… [with Enum = E; Enum Value = E::name; …]" or "(E)7"; clang: "… [Enum = E, Value = E::name]". Empty where no
/// enumerator has that value.
consteval std::string_view enumerator_name(std::string_view text) {
  text = text.substr(text.find("Value = ") + 8);
  text = text.substr(0, text.find_first_of(";]"));
  if (text.find('(') == 0 || (text[0] >= '0' && text[0] <= '9') || text[0] == '-') return {};
  return text.substr(text.rfind(':') + 1);
}

template <class Enum>
struct Enumerator {
  std::string_view name;
  Enum value;
};

/// The values that are asked for a name: -16 (0 where the enum has no sign) to 127.
template <class Enum>
inline constexpr auto asked_values = [] {
  using Raw = std::underlying_type_t<Enum>;
  constexpr int low = std::is_signed_v<Raw> ? -16 : 0;
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Enumerator<Enum>, sizeof...(I)>{
        Enumerator<Enum>{enumerator_name(text_of_enumerator<Enum, static_cast<Enum>(static_cast<int>(I) + low)>()),
                         static_cast<Enum>(static_cast<int>(I) + low)}...};
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
