#include "tidings/base/fd.hpp"

#include <unistd.h>

#include <cerrno>

namespace tidings {

void Fd::close() noexcept {
  if (fd_ < 0) return;
  const int error = errno;
  ::close(std::exchange(fd_, -1));
  errno = error;
}

}  // namespace tidings
