#include "tidings/base/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/descriptor.hpp"

namespace tidings {
namespace {

/// Of a write: a folder that is away may be back, a permission may be given.
Error failed(std::string_view what, const std::string& path) {
  auto error = system_error("cannot " + std::string(what), path, errno);
  if (error.retry == Retry::never) error.retry = Retry::same_call;
  return error;
}

}  // namespace

Result<> write_file_atomically(const std::string& path, std::string_view bytes, AtomicFileOptions options) {
  const auto draft = path + "~";
  {
    const Descriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) return failed("create", draft);
    if (::fchmod(file.get(), options.mode) != 0) return failed("set the mode of", draft);
    while (!bytes.empty()) {
      const auto put = ::write(file.get(), bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return failed("write", draft);
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    if (options.synced && ::fdatasync(file.get()) != 0) return failed("sync", draft);
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return failed("replace", path);
  if (!options.synced) return {};
  const auto slash = path.rfind('/');
  const auto folder = slash == path.npos ? std::string(".") : path.substr(0, slash + 1);
  return sync_folder(folder);
}

Result<> sync_folder(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return failed("sync", path);
  return {};
}

Result<std::string> read_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error("cannot open", path, errno);
  std::string bytes;
  char buffer[65536];
  while (true) {
    const auto got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("cannot read", path, errno);
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace tidings
