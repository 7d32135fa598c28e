#include "system_calls.hpp"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>

namespace tidings::crash {
namespace {

std::atomic<bool> armed = false, failed = false;
std::atomic<std::uint64_t> left = 0;
std::atomic<Fault> fault = Fault::io_error;
std::atomic<const char*> what = "";
std::function<void(const std::string&)> watcher;

/// Faults that a call may have.
enum May : unsigned { full = 1, broken = 2, interrupted = 4, files = 8, shortened = 16 };

bool fails(const char* name, unsigned may) {
  if (!armed.load(std::memory_order_relaxed)) return false;
  if ((may >> static_cast<unsigned>(fault.load()) & 1U) == 0) return false;
  if (left.fetch_sub(1) != 1) return false;
  what = name;
  failed = true;
  armed = false;
  return true;
}

int error_of(int broken_is = EIO) {
  switch (fault.load()) {
    case Fault::disk_full:
      return ENOSPC;
    case Fault::interrupted:
      return EINTR;
    case Fault::too_many_files:
      return EMFILE;
    default:
      return broken_is;
  }
}

template <class T>
T refuse(T value, int error = error_of()) {
  errno = error;
  return value;
}

}  // namespace

void fail_call(Fault how, std::uint64_t n) {
  fault = how;
  left = n;
  failed = false;
  armed = true;
}
void fail_nothing() {
  armed = false;
}
bool has_failed() {
  return failed;
}
std::string failed_call() {
  return what.load();
}
void watch_folder_syncs(std::function<void(const std::string& path)> told) {
  watcher = std::move(told);
}

}  // namespace tidings::crash

using namespace tidings::crash;  // NOLINT: what follows stands in front of the C library

extern "C" {

int open(const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (fails("open", broken | interrupted | files)) return refuse(-1);
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int openat(int folder, const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  if (fails("openat", broken | interrupted | files | ((flags & O_CREAT) != 0 ? full : 0U))) return refuse(-1);
  return static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}

ssize_t pread(int fd, void* out, size_t size, off_t offset) {
  if (fails("pread", broken | interrupted | shortened)) {
    if (fault != Fault::short_count) return refuse(ssize_t{-1});
    size = size / 2 + 1;
  }
  return ::syscall(SYS_pread64, fd, out, size, offset);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  if (fails("pwrite", full | broken | interrupted | shortened)) {
    // What failed may have done a part.
    const auto some = size / 2;
    if (some > 0 && fault != Fault::interrupted) (void)::syscall(SYS_pwrite64, fd, bytes, some, offset);
    return fault == Fault::short_count && some > 0 ? static_cast<ssize_t>(some) : refuse(ssize_t{-1}, error_of(EINTR));
  }
  return ::syscall(SYS_pwrite64, fd, bytes, size, offset);
}

int fdatasync(int fd) {
  if (fails("fdatasync", full | broken | interrupted)) return refuse(-1);
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

int fsync(int fd) {
  if (watcher) {
    char path[4096];
    const auto link = "/proc/self/fd/" + std::to_string(fd);
    const auto size = ::readlink(link.c_str(), path, sizeof path);
    if (size > 0) watcher({path, static_cast<std::size_t>(size)});
  }
  if (fails("fsync", full | broken | interrupted)) return refuse(-1);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

int posix_fallocate(int fd, off_t offset, off_t size) {
  if (fails("posix_fallocate", full | broken | interrupted)) return error_of();
  return ::syscall(SYS_fallocate, fd, 0, offset, size) == 0 ? 0 : errno;
}

void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) noexcept {
  if (fd >= 0 && fails("mmap", broken)) return refuse(MAP_FAILED, ENOMEM);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): so the system says it
  return reinterpret_cast<void*>(::syscall(SYS_mmap, at, size, protection, flags, fd, offset));
}

int fstat(int fd, struct stat* out) noexcept {
  if (fails("fstat", broken)) return refuse(-1);
  return static_cast<int>(::syscall(SYS_fstat, fd, out));
}

int fstatfs(int fd, struct statfs* out) noexcept {
  if (fails("fstatfs", broken)) return refuse(-1);
  return static_cast<int>(::syscall(SYS_fstatfs, fd, out));
}

int fcntl(int fd, int command, ...) {
  std::va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  if ((command == F_OFD_SETLK || command == F_OFD_GETLK) && fails("fcntl", broken)) return refuse(-1, ENOLCK);
  return static_cast<int>(::syscall(SYS_fcntl, fd, command, argument));
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (fails("mkdir", full | broken)) return refuse(-1);
  return static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  if (fails("mkdirat", full | broken)) return refuse(-1);
  return static_cast<int>(::syscall(SYS_mkdirat, folder, path, mode));
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  if (fails("renameat2", full | broken)) return refuse(-1);
  return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  if (fails("unlinkat", broken)) return refuse(-1);
  return static_cast<int>(::syscall(SYS_unlinkat, folder, path, flags));
}

DIR* fdopendir(int fd) {
  using Call = DIR* (*)(int);
  static const auto call = reinterpret_cast<Call>(::dlsym(RTLD_NEXT, "fdopendir"));
  if (fails("fdopendir", broken)) return refuse<DIR*>(nullptr, ENOMEM);
  return call(fd);
}

struct dirent* readdir(DIR* stream) {
  using Call = struct dirent* (*)(DIR*);
  static const auto call = reinterpret_cast<Call>(::dlsym(RTLD_NEXT, "readdir"));
  if (fails("readdir", broken)) return refuse<struct dirent*>(nullptr);
  return call(stream);
}

}  // extern "C"
