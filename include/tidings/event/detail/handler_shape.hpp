#pragma once

#include <concepts>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tidings/event/context.hpp"

/// What a handler takes and returns, from the shape of its call; for the bus and for services.
namespace tidings::detail {

template <class Return, class... Args>
struct CallOf {
  using Returned = Return;
  using Arguments = std::tuple<Args...>;
};

template <class F>
struct Call;  // of a class: its one call operator
template <class F>
  requires requires { &F::operator(); }
struct Call<F> : Call<decltype(&F::operator())> {};
template <class R, class... A>
struct Call<R (*)(A...)> : CallOf<R, A...> {};
template <class R, class... A>
struct Call<R (*)(A...) noexcept> : CallOf<R, A...> {};
template <class R, class C, class... A>
struct Call<R (C::*)(A...)> : CallOf<R, A...> {};
template <class R, class C, class... A>
struct Call<R (C::*)(A...) const> : CallOf<R, A...> {};
template <class R, class C, class... A>
struct Call<R (C::*)(A...) noexcept> : CallOf<R, A...> {};
template <class R, class C, class... A>
struct Call<R (C::*)(A...) const noexcept> : CallOf<R, A...> {};

template <class F>
concept HasOneCall = requires { typename Call<F>::Arguments; };

template <class R>
inline constexpr bool is_outcome = std::is_void_v<R> || std::same_as<R, Result<>>;

template <class Argument>
inline constexpr bool is_event_argument =
    !std::is_pointer_v<Argument> && !std::is_rvalue_reference_v<Argument> &&
    (!std::is_lvalue_reference_v<Argument> || std::is_const_v<std::remove_reference_t<Argument>>) &&
    std::is_class_v<std::remove_cvref_t<Argument>> && !std::same_as<std::remove_cvref_t<Argument>, Context>;

/// Whether `F` can be called with the event, and a context if it wants one.
template <class F, class Event>
inline constexpr bool takes_event = std::invocable<F&, const Event&, Context&> || std::invocable<F&, const Event&>;

template <class F, class... Args>
Result<> call(F& function, Args&... args) {
  if constexpr (std::is_void_v<std::invoke_result_t<F&, Args&...>>) {
    std::invoke(function, args...);
    return {};
  } else {
    return std::invoke(function, args...);
  }
}

template <class F, class Event>
Result<> call_with(F& function, const Event& event, Context& context) {
  if constexpr (std::invocable<F&, const Event&, Context&>)
    return call(function, event, context);
  else
    return call(function, event);
}

}  // namespace tidings::detail
