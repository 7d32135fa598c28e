#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>

#include "tidings/base/log_sink.hpp"

namespace tidings {
namespace {

/// As much as can be written without waiting, after poll() has found room.
ssize_t write_some(int fd, std::string_view line) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return -1;
  if (S_ISREG(status.st_mode)) return ::write(fd, line.data(), line.size());
  // There is room for this much, and it is written whole or not at all. Another process may have taken the room
  // meanwhile: since Linux 6.5 a pipe then says so in place of waiting.
  line = line.substr(0, PIPE_BUF);
  if (S_ISFIFO(status.st_mode)) {
    const iovec part{.iov_base = const_cast<char*>(line.data()), .iov_len = line.size()};
    const auto wrote = ::pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
    if (wrote >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)) return wrote;
  }
  return ::write(fd, line.data(), line.size());
}

}  // namespace

bool write_log_line(int fd, std::string_view line, Duration wait_max) noexcept {
  using Steady = std::chrono::steady_clock;
  const int error = errno;
  const auto end = Steady::now() + wait_max;
  while (!line.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Steady::now()).count();
    pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
    const int found = ::poll(&room, 1, static_cast<int>(std::clamp<long long>(left, 0, INT_MAX)));
    const auto wrote = found > 0 ? write_some(fd, line) : found;
    if (wrote > 0)
      line.remove_prefix(static_cast<std::size_t>(wrote));
    else if (wrote == 0 || (errno != EINTR && errno != EAGAIN) || left <= 0)
      break;
  }
  errno = error;
  return line.empty();
}

}  // namespace tidings
