#include "service/backoff.hpp"

#include <algorithm>

namespace tidings::service {

namespace {

Duration jittered(const Backoff& backoff, int doublings, Entropy& entropy) {
  auto limit = std::min(backoff.first, backoff.longest);
  for (; doublings > 0 && limit < backoff.longest; --doublings)
    limit = limit > backoff.longest / 2 ? backoff.longest : limit * 2;
  if (limit <= Duration::zero()) return Duration::zero();
  return Duration{static_cast<Duration::rep>(entropy.below(static_cast<std::uint64_t>(limit.count()) + 1))};
}

}  // namespace

std::optional<Duration> pause_after(const Backoff& backoff, int failed, Entropy& entropy) {
  if (failed <= backoff.immediate) return Duration::zero();
  const auto delayed = failed - backoff.immediate;  // 1 before the first delayed attempt
  if (delayed > backoff.delayed) return std::nullopt;
  return jittered(backoff, delayed - 1, entropy);
}

Duration endless_pause_after(const Backoff& backoff, int failed, Entropy& entropy) {
  return jittered(backoff, std::max(0, failed - 1), entropy);
}

}  // namespace tidings::service
