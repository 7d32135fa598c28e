#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "tidings/event/detail/bind_members.hpp"
#include "tidings/event/detail/takes_braces.hpp"

// How many members a struct has, and what keeps it from being taken apart: without a look beforehand a structured
// binding fails with the compiler's own words.

namespace tidings::detail {

/// Converts to anything. Conversions to what a struct `Of` cannot have are not noexcept: one `noexcept` finds them all.
template <class Of>
struct AnyValue {
  template <class T>
  operator T() const noexcept(!std::is_union_v<T>);
};
template <class Of>
struct AnyBase {
  template <class T>
    requires(std::is_base_of_v<T, Of> && !std::is_same_v<T, Of>)
  operator T() const;
};
/// What takes this takes everything (`std::any`): it says nothing of the member.
struct AnyThing {};
struct AnyUnion {
  template <class T>
    requires std::is_union_v<T>
  operator T() const;
};
template <class T, std::size_t>
using AnyOf = AnyValue<T>;

template <class T, class... Values>
consteval std::size_t count_members() {
  if constexpr (sizeof...(Values) <= members_max) {
    if constexpr (requires { T{Values{}..., AnyValue<T>{}}; }) return count_members<T, Values..., AnyValue<T>>();
  }
  return sizeof...(Values);
}

/// Whether the initialiser behind `Before` goes into an array: two in braces are fine there, but then too many follow,
/// since they took the place of at least two.
template <class T, std::size_t... Before, std::size_t... After>
consteval bool is_array_at(std::index_sequence<Before...>, std::index_sequence<After...>) {
  return requires { T{AnyOf<T, Before>{}..., {AnyValue<T>{}, AnyValue<T>{}}}; } &&
         !requires { T{AnyOf<T, Before>{}..., {AnyValue<T>{}, AnyValue<T>{}}, AnyOf<T, After>{}...}; };
}
template <class T, std::size_t... Before>
consteval bool is_union_at(std::index_sequence<Before...>) {
  return requires { T{AnyOf<T, Before>{}..., AnyUnion{}}; } && !requires { T{AnyOf<T, Before>{}..., AnyThing{}}; };
}

template <class T, std::size_t Count>
consteval bool has_array() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return (is_array_at<T>(std::make_index_sequence<I>{}, std::make_index_sequence<Count - I - 1>{}) || ...);
  }(std::make_index_sequence<Count>{});
}
template <class T, std::size_t Count>
consteval bool has_union() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    if constexpr (requires {
                    {
                      T {
                        AnyOf<T, I>{}...
                      }
                    } noexcept;
                  })
      return false;
    else
      return (is_union_at<T>(std::make_index_sequence<I>{}) || ...);
  }(std::make_index_sequence<Count>{});
}

struct NothingToBind {
  void operator()(auto&...) const {}
};

enum class Flaw { none, no_default, base, c_array, too_many, anonymous_union, bit_field, uncounted };

template <class T>
consteval std::pair<Flaw, std::size_t> look_at_struct() {
  if constexpr (!requires { T{}; }) {
    return {Flaw::no_default, 0};
  } else if constexpr (requires { T{AnyBase<T>{}}; } && !requires { T{AnyThing{}}; }) {
    return {Flaw::base, 0};
  } else if constexpr (std::is_empty_v<T>) {
    return {Flaw::none, 0};
  } else {
    constexpr auto count = count_members<T>();
    if constexpr (count == 0) {
      return {Flaw::uncounted, 0};  // it is not empty: without this it would be written as if it were
    } else if constexpr (count > members_max) {
      return {takes_braces<T, members_max>() ? Flaw::too_many : Flaw::c_array, 0};
    } else if constexpr (has_array<T, takes_braces<T, count>() ? 0 : count>()) {
      return {Flaw::c_array, 0};
    } else if constexpr (has_union<T, count>()) {
      return {Flaw::anonymous_union, 0};
    } else if constexpr (std::is_same_v<decltype(bind_members<count>(std::declval<T&>(), NothingToBind{})),
                                        BitFieldFound>) {
      return {Flaw::bit_field, 0};
    } else {
      return {Flaw::none, count};
    }
  }
}

/// Says what is wrong with `Struct`, if anything is: its name stands in the instantiation that the compiler tells.
template <class Struct>
struct ReflectedStruct {
  static constexpr auto looked = look_at_struct<Struct>();
  static constexpr auto flaw = looked.first;
  static constexpr auto count = looked.second;
  static_assert(flaw != Flaw::no_default,
                "tidings: every member of an event struct needs a default value; this struct has a reference, or a "
                "member without a default constructor");
  static_assert(flaw != Flaw::base,
                "tidings: an event struct has no base class; make the base a member, or repeat its members");
  static_assert(flaw != Flaw::c_array, "tidings: an event struct has no C arrays; use std::array or std::vector");
  static_assert(flaw != Flaw::too_many,
                "tidings: an event struct has at most 64 members; put some in a struct of their own");
  static_assert(flaw != Flaw::anonymous_union, "tidings: an event struct has no unions; use std::variant");
  static_assert(flaw != Flaw::uncounted,
                "tidings: the first member of this event struct cannot be counted; no member is a reference, nor of a "
                "type that forbids conversions");
  static_assert(flaw != Flaw::bit_field, "tidings: an event struct has no bit-fields; use whole integers, or bool");
};

}  // namespace tidings::detail
