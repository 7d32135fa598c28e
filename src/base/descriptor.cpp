#include "base/descriptor.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

#include "tidings/base/forks.hpp"

namespace tidings {

struct KeptFromChildren {
  std::mutex mutex;
  std::vector<Descriptor*> descriptors;

  void close_all() {
    for (auto* const kept : descriptors) kept->fd_.close();
  }
};

namespace {

std::atomic<unsigned> forks{0};

KeptFromChildren& kept_from_children() {
  static auto* const shared = new KeptFromChildren;  // outlives every descriptor, also those of static objects
  return *shared;
}

// The registry is locked over the fork, so that the child finds it whole.
[[maybe_unused]] const int watched =
    ::pthread_atfork([] { kept_from_children().mutex.lock(); }, [] { kept_from_children().mutex.unlock(); },
                     [] {
                       forks.fetch_add(1, std::memory_order_relaxed);
                       kept_from_children().close_all();
                       kept_from_children().mutex.unlock();
                     });

int beyond_the_standard_ones(int fd) {
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  Fd(fd).close();
  return moved;
}

}  // namespace

unsigned fork_count() {
  return forks.load(std::memory_order_relaxed);
}

Descriptor::Descriptor(int fd) : fd_(beyond_the_standard_ones(fd)) {}

Descriptor::~Descriptor() {
  if (is_kept_) {
    auto& kept = kept_from_children();
    const std::scoped_lock lock(kept.mutex);
    std::erase(kept.descriptors, this);
  }
}

void Descriptor::keep_from_children() {
  auto& kept = kept_from_children();
  const std::scoped_lock lock(kept.mutex);
  if (!is_kept_.exchange(true)) kept.descriptors.push_back(this);
}

Error system_error(std::string_view what, const std::string& path, int error) {
  const std::string said = std::string(what) + " " + path + ": " + std::strerror(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return {"disk_full", said + "; free space, then it goes on", Retry::same_call};
    case ENOENT:
      return {"not_found", said, Retry::never};
    case EEXIST:
    case ENOTEMPTY:
      return {"exists", said, Retry::never};
    case EACCES:
    case EPERM:
      return {"permission_denied", said + "; run as the owner of the directory", Retry::never};
    case ENOTDIR:
      return {"not_a_directory", said, Retry::never};
    case ELOOP:
      return {"not_a_file", said + "; symbolic links are not followed", Retry::never};
    case EMFILE:
    case ENFILE:
      return {"too_many_files", said + "; raise the limit (ulimit -n)", Retry::same_call};
    default:
      return {"io_error", said, Retry::reopen};
  }
}

}  // namespace tidings
