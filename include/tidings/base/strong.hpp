#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>

namespace tidings {

/// A number that is not to be mistaken for another kind of number.
template <class Tag, class Rep>
struct Strong {
  Rep value{};

  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Strong& strong) { return out << strong.value; }
};

/// The place of an event in its partition: dense, from 0.
using Offset = Strong<struct OffsetTag, std::uint64_t>;
/// A partition's number within its topic, from 0.
using Partition = Strong<struct PartitionTag, std::uint32_t>;

}  // namespace tidings

template <class Tag, class Rep>
struct std::hash<tidings::Strong<Tag, Rep>> {
  std::size_t operator()(const tidings::Strong<Tag, Rep>& strong) const noexcept {
    return std::hash<Rep>{}(strong.value);
  }
};
