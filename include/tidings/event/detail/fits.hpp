#pragma once

#include <chrono>
#include <limits>
#include <ratio>
#include <type_traits>
#include <utility>

namespace tidings::detail {

/// Whether `value`, in its own units, is one of `Wide`'s: those that do not fit overflow in a cast.
template <class Wide, class D>
bool fits(D value) {
  if constexpr (std::is_floating_point_v<typename D::rep>) {
    using Float = std::chrono::duration<long double, typename D::period>;
    constexpr auto most = std::chrono::duration_cast<Float>(Wide::max()).count();
    constexpr auto least = std::chrono::duration_cast<Float>(Wide::min()).count();
    return value.count() < most && value.count() > least;  // never of a NaN
  } else {
    using Ratio = std::ratio_divide<typename D::period, typename Wide::period>;
    if constexpr (Ratio::num == 1 && std::numeric_limits<typename D::rep>::digits <= 63) {
      return true;
    } else {
      constexpr auto most = std::numeric_limits<typename Wide::rep>::max() / Ratio::num;
      return std::cmp_less_equal(value.count(), most) && std::cmp_greater_equal(value.count(), -most);
    }
  }
}

}  // namespace tidings::detail
