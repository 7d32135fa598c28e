#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tidings/event/detail/bind_members.hpp"
#include "tidings/event/detail/struct_flaws.hpp"

/// Compile-time reflection of aggregates: how many members, their names, references to them. Members are counted by
/// brace initialisation, bound by a structured binding, and named by the text that the compiler gives a pointer to a
/// member of a union that is never constructed.

namespace tidings {

namespace detail {

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

template <auto Value>
consteval std::string_view text_of_value() {
  return __PRETTY_FUNCTION__;
}

template <class T>
consteval std::string_view text_of_type() {
  return __PRETTY_FUNCTION__;
}

/// g++: "… [with const auto* Member = (& lazy<T>.Lazy<T>::value.T::name); std::string_view = …]"; clang: "… [Member =
/// &lazy.value.name]". From the end: T may be spelled with anything, such as the function that it stands in.
consteval std::string_view member_name(std::string_view text) {
  const auto gcc_end = text.rfind("); std::string_view = ");
  text = text.substr(0, gcc_end == text.npos ? text.size() - 1 : gcc_end);
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
concept PlainStruct = std::is_aggregate_v<T> && std::is_class_v<T> && !std::is_union_v<T>;

/// How many members `T` has. A struct that cannot be taken apart does not compile, with one sentence that says why; it
/// counts as empty then, so that nothing else is said.
template <PlainStruct T>
inline constexpr std::size_t member_count = detail::ReflectedStruct<T>::count;

/// The qualified name of `T` as the compiler spells it.
template <class T>
inline constexpr std::string_view type_name = detail::type_name_in(detail::text_of_type<T>());

/// Calls `f` with references to the members of `object`, in order, and returns what it returns.
template <class T, class F>
constexpr decltype(auto) with_members(T& object, F&& f) {
  return detail::bind_members<member_count<std::remove_const_t<T>>>(object, std::forward<F>(f));
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

template <PlainStruct T>
inline constexpr auto member_names = detail::make_member_names<T>();

/// The type of member `I`.
template <PlainStruct T, std::size_t I>
using member_type =
    std::remove_cvref_t<std::tuple_element_t<I, decltype(with_members(std::declval<T&>(), [](auto&... members) {
                                               return std::tie(members...);
                                             }))>>;

}  // namespace tidings
