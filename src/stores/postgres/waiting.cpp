#include "stores/postgres/waiting.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace tidings::stores::postgres {

bool wait_for(int socket, bool reads, bool writes, SteadyTime until) {
  pollfd watched{socket, static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0};
  while (true) {
    constexpr std::chrono::milliseconds longest{60'000};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_now());
    const auto pause = std::clamp(left, std::chrono::milliseconds{0}, longest);
    const int ready = ::poll(&watched, 1, static_cast<int>(pause.count()));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;  // an error is for who reads to tell
    if (left <= Duration::zero()) return false;
  }
}

}  // namespace tidings::stores::postgres
