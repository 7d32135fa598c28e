#pragma once

#include <compare>
#include <concepts>
#include <functional>
#include <ostream>
#include <string>

#include "tidings/base/uuid.hpp"
#include "tidings/event/key.hpp"
#include "tidings/event/strong_type.hpp"

namespace tidings {

/// The id of an `Of`, which is not to be mistaken for that of anything else: `using OrderId = tidings::Id<class
/// Order>;`
///
/// In JSON it is its text, or number. As the key of an event: `.key = tidings::key<&OrderPlaced::order_id>`. `Rep` is
/// `std::string`, `Uuid` or an integer.
template <class Of, class Rep = std::string>
struct Id {
  Rep value{};
  static constexpr strong_type strong{};

  /// A new one: a UUIDv7. Ids of one process ascend in the order of their making.
  [[nodiscard]] static Id make(Clock& clock = system_clock(), Entropy& entropy = system_entropy())
    requires std::same_as<Rep, Uuid> || std::same_as<Rep, std::string>
  {
    const auto made = make_uuid_v7(clock, entropy);
    if constexpr (std::same_as<Rep, Uuid>)
      return {made};
    else
      return {made.to_string()};
  }

  /// As it stands in keys and tables.
  [[nodiscard]] std::string text() const { return detail::key_text(*this); }

  friend auto operator<=>(const Id&, const Id&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Id& id) { return out << id.text(); }
};

}  // namespace tidings

template <class Of, class Rep>
struct std::hash<tidings::Id<Of, Rep>> {
  std::size_t operator()(const tidings::Id<Of, Rep>& id) const {
    if constexpr (std::same_as<Rep, tidings::Uuid>)
      return std::hash<std::string>{}(id.text());
    else
      return std::hash<Rep>{}(id.value);
  }
};
