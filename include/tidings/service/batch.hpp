#pragma once

#include <span>
#include <tuple>
#include <type_traits>
#include <variant>

#include "tidings/event/context.hpp"
#include "tidings/event/detail/event_check.hpp"

namespace tidings {

/// Several deliveries of one partition, in the order of their offsets, for a handler that does its work once for all of
/// them. All are acknowledged when the handler succeeds; when it fails they come again one at a time, so that only the
/// bad one is parked. Valid for the call.
template <class... Events>
class Batch {
 public:
  /// The event itself, or a variant where the handler takes several types.
  using Event = std::conditional_t<sizeof...(Events) == 1, std::tuple_element_t<0, std::tuple<Events...>>,
                                   std::variant<Events...>>;

  struct Item {
    const Event& event;
    Context& context;
  };

  explicit Batch(std::span<const Item> items) : items_(items) {}

  [[nodiscard]] auto begin() const { return items_.begin(); }
  [[nodiscard]] auto end() const { return items_.end(); }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] const Item& operator[](std::size_t index) const { return items_[index]; }

 private:
  std::span<const Item> items_;
};

template <class... Events>
inline constexpr auto detail::goes_with_events<Batch<Events...>> = detail::NoEvent::batch;

}  // namespace tidings
