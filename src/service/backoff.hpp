#pragma once

#include <optional>

#include "tidings/base/entropy.hpp"
#include "tidings/service/options.hpp"

namespace tidings::service {

/// How long to wait before the next attempt once `failed` of them have failed: nothing at all for the immediate ones,
/// then a random time up to a limit that doubles ("full jitter", Brooker, AWS Architecture Blog 2015). None: no attempt
/// is left.
[[nodiscard]] std::optional<Duration> pause_after(const Backoff& backoff, int failed, Entropy& entropy);

/// The same growth without an end: for what must succeed some day, publishing and parking. `failed` from 1.
[[nodiscard]] Duration endless_pause_after(const Backoff& backoff, int failed, Entropy& entropy);

}  // namespace tidings::service
