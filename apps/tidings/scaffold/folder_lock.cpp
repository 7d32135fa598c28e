#include "scaffold/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <utility>

#include "tidings/base/text.hpp"

namespace tidings::scaffold {

Result<FolderLock> FolderLock::take(const std::string& folder, std::chrono::milliseconds wait_max) {
  FolderLock lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.descriptor_ < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return Error{"not_found", "there is no folder " + printable(folder)};
    return lock;
  }
  const auto until = std::chrono::steady_clock::now() + wait_max;
  while (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return lock;
    if (std::chrono::steady_clock::now() >= until)
      return Error{"busy",
                   "another 'tidings new' or 'tidings add' is at work in " + printable(folder) + "; wait for it",
                   Retry::same_call};
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace tidings::scaffold
