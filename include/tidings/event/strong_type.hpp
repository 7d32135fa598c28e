#pragma once

#include <type_traits>
#include <utility>

#include "tidings/base/strong.hpp"
#include "tidings/event/reflect.hpp"

namespace tidings {

/// Says in a struct of one member that it stands for that member, in JSON and in keys:
///
///     struct OrderId {
///       std::string value;
///       static constexpr tidings::strong_type strong{};
///     };
///
/// Without it a struct of one member is an object of one member. `tidings::Strong` is such a type.
struct strong_type {};

namespace detail {

template <class T>
inline constexpr bool is_strong = false;
template <class T>
  requires std::is_same_v<std::remove_const_t<decltype(T::strong)>, strong_type>
inline constexpr bool is_strong<T> = true;
template <class Tag, class Rep>
inline constexpr bool is_strong<Strong<Tag, Rep>> = true;

template <class T>
consteval bool strong_is_right() {
  if constexpr (!PlainStruct<T>)
    return false;
  else
    return member_count<T> == 1;
}
/// Says what is wrong with a struct that calls itself a strong type.
template <class Struct>
struct StrongStruct {
  static_assert(strong_is_right<Struct>(), "tidings: a strong type is a plain struct of exactly one member");
};

template <class T>
constexpr auto& strong_value(T& strong) {
  return with_members(strong, [](auto& only) -> auto& { return only; });
}
/// The type of its member; it must be right.
template <class T>
using StrongValue = std::remove_cvref_t<decltype(strong_value(std::declval<T&>()))>;

}  // namespace detail

}  // namespace tidings
