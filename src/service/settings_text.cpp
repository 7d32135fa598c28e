#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "service/settings.hpp"

namespace tidings::service {

namespace {

constexpr std::size_t file_bytes_max = std::size_t{1} << 20;

struct Closed {
  int fd;
  ~Closed() { ::close(fd); }
};

}  // namespace

/// A pipe is as good as a file, `--config <(…)` or /dev/stdin, but one that nobody writes into would hold up the start
/// for ever: so nothing blocks here, and each wait has its end. Of a regular file poll() says at once that it can be
/// read.
Result<std::string> read_settings_text(const std::string& path, Duration wait_max) {
  const auto unreadable = [&] { return Error{"invalid_setting", path + " cannot be read: " + std::strerror(errno)}; };
  const Closed file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (file.fd < 0) return unreadable();
  const auto until = std::chrono::steady_clock::now() + wait_max;
  std::string text(file_bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd one{.fd = file.fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return unreadable();
    if (ready == 0)
      return Error{"invalid_setting",
                   path + " is no regular file, and whoever writes into it has not come to the end within " +
                       to_text(wait_max) + "; name a file, or end what writes"};
    const auto got = ::read(file.fd, text.data() + size, text.size() - size);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return unreadable();
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > file_bytes_max) return Error{"invalid_setting", path + " is larger than 1 MiB, which no settings are"};
  text.resize(size);
  return text;
}

}  // namespace tidings::service
