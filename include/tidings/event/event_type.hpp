#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "tidings/event/traits.hpp"

namespace tidings {

namespace detail {

template <class Event>
consteval std::string_view make_display_name() {
  if constexpr (has_default_name<Event> && (!has_plain_name<Event>() || type_name<Event>.size() > 200))
    return type_name<Event>;
  else
    return event_name<Event>();
}

}  // namespace detail

/// The wire name; of a type that has none, such as a local one, how the compiler spells it.
template <class Event>
inline constexpr std::string_view display_name = detail::make_display_name<Event>();

/// A type of event at run time: what it is called, and how one is copied without knowing it.
struct EventType {
  std::string_view name;  ///< `display_name`
  std::size_t size_bytes;
  std::size_t alignment_bytes;
  void (*copy)(void* to, const void* from);  ///< constructs a copy; null where the type cannot be copied
  void (*relocate)(void* to, void* from);    ///< moves it to another place and destroys what is left; null as above
  bool relocates_surely;                     ///< its move does not throw
  void (*destroy)(void* event) noexcept;
  const std::type_info* type;
  std::atomic<std::uint32_t>* number;
};

namespace detail {

/// 0: not numbered yet.
template <class Event>
inline constinit std::atomic<std::uint32_t> event_number{0};

template <class Event>
consteval EventType make_event_type() {
  EventType type{.name = display_name<Event>,
                 .size_bytes = sizeof(Event),
                 .alignment_bytes = alignof(Event),
                 .copy = nullptr,
                 .relocate = nullptr,
                 .relocates_surely = std::is_nothrow_move_constructible_v<Event>,
                 .destroy = [](void* event) noexcept { std::destroy_at(static_cast<Event*>(event)); },
                 .type = &typeid(Event),
                 .number = &event_number<Event>};
  if constexpr (std::copy_constructible<Event>) {
    type.copy = [](void* to, const void* from) {
      std::construct_at(static_cast<Event*>(to), *static_cast<const Event*>(from));
    };
    type.relocate = [](void* to, void* from) {
      std::construct_at(static_cast<Event*>(to), std::move(*static_cast<Event*>(from)));
      std::destroy_at(static_cast<Event*>(from));
    };
  }
  return type;
}

}  // namespace detail

template <class Event>
inline constexpr EventType event_type = detail::make_event_type<Event>();

/// A small number that stands for the type within this process, the same in all of its shared objects; never 0.
/// Thread-safe.
[[nodiscard]] std::uint32_t number_of(const EventType& type);

/// The same, where it costs a load once the type has its number.
template <class Event>
[[nodiscard]] std::uint32_t number_of() {
  const auto known = detail::event_number<Event>.load(std::memory_order_relaxed);
  return known != 0 ? known : number_of(event_type<Event>);
}

}  // namespace tidings
