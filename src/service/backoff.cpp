#include "service/backoff.hpp"

#include <algorithm>

namespace tidings::service {

namespace {

Duration jittered(const Backoff& backoff, int doublings, Entropy& entropy) {
  auto limit = std::min(backoff.first, backoff.longest);
  for (; doublings > 0 && limit < backoff.longest; --doublings)
    limit = limit > backoff.longest / 2 ? backoff.longest : limit * 2;
  if (limit <= Duration::zero()) return Duration::zero();
  auto sure = Duration::zero();
  if (backoff.jitter == Jitter::equal) sure = limit / 2;
  if (backoff.jitter == Jitter::none) sure = limit;
  const auto spread = static_cast<std::uint64_t>((limit - sure).count());
  return sure + (spread == 0 ? Duration::zero() : Duration{static_cast<Duration::rep>(entropy.below(spread + 1))});
}

}  // namespace

bool is_tried_again(const Backoff& backoff, const Error& error) {
  if (std::ranges::find(backoff.never, error.code) != backoff.never.end()) return false;
  return error.retry != Retry::never || std::ranges::find(backoff.also, error.code) != backoff.also.end();
}

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
