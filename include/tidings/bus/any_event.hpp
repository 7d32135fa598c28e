#pragma once

#include <string_view>

#include "tidings/event/detail/event_check.hpp"
#include "tidings/event/event_type.hpp"

namespace tidings {

/// An event of whatever type, as a subscriber to all of them gets it. Valid for the call.
class AnyEvent {
 public:
  AnyEvent(const EventType& type, const void* event) : type_(&type), event_(event) {}

  /// Its wire name; the C++ name of a type that has none, such as a local one.
  [[nodiscard]] std::string_view type() const { return type_->name; }
  /// The event, if it is an `Event`; else null.
  template <class Event>
  [[nodiscard]] const Event* get() const {
    return number_of(*type_) == number_of<Event>() ? static_cast<const Event*>(event_) : nullptr;
  }

  [[nodiscard]] const EventType& event_type() const { return *type_; }
  [[nodiscard]] const void* address() const { return event_; }

 private:
  const EventType* type_;
  const void* event_;
};

template <>
inline constexpr auto detail::goes_with_events<AnyEvent> = detail::NoEvent::refers;

}  // namespace tidings
