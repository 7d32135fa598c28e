#pragma once

#include <optional>

#include "tidings/base/entropy.hpp"
#include "tidings/service/options.hpp"

namespace tidings::service {

/// Whether an attempt that ended with `error` is followed by another, if one is left.
[[nodiscard]] bool is_tried_again(const Backoff& backoff, const Error& error);

/// How long to wait before the next attempt once `failed` of them have failed: nothing at all for the immediate ones,
/// then a time up to a limit that doubles, spread by its jitter. None: no attempt is left.
[[nodiscard]] std::optional<Duration> pause_after(const Backoff& backoff, int failed, Entropy& entropy);

/// The same growth without an end: for what must succeed some day, publishing and parking. `failed` from 1.
[[nodiscard]] Duration endless_pause_after(const Backoff& backoff, int failed, Entropy& entropy);

}  // namespace tidings::service
