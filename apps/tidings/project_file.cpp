#include "project_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tidings/base/text.hpp"

namespace tidings {

namespace {

class File {
 public:
  explicit File(const std::string& path)
      // A pipe that nobody writes to is opened at once, and refused.
      : descriptor_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Error failed(const std::string& path, int why) {
  return {why == ENOENT || why == ENOTDIR ? "not_found" : "io_error",
          "cannot read " + printable(path) + ": " + std::generic_category().message(why)};
}

/// What stands where a file should.
std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Error no_file(const std::string& path, mode_t mode) {
  return {"no_regular_file", printable(path) + " is " + std::string(kind_of(mode)) + " and no file; put a file there"};
}

}  // namespace

Result<std::string> read_project_file(const std::string& path, std::size_t bytes_max) {
  const File file(path);
  struct stat told{};
  if (file.get() < 0) {
    const int why = errno;  // a socket cannot be opened
    if (::stat(path.c_str(), &told) == 0 && !S_ISREG(told.st_mode)) return no_file(path, told.st_mode);
    return failed(path, why);
  }
  if (::fstat(file.get(), &told) != 0) return failed(path, errno);
  if (!S_ISREG(told.st_mode)) return no_file(path, told.st_mode);
  std::string bytes;
  char buffer[65536];
  // Its size is not asked: files below /proc have none, and one may grow meanwhile.
  while (bytes.size() <= bytes_max) {
    const auto got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(path, errno);
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(got));
  }
  return Error{"too_large",
               printable(path) + " has more than " + std::to_string(bytes_max >> 20U) + " MiB, and is none of ours"};
}

Result<> write_project_file(const std::string& path, std::string_view bytes, AtomicFileOptions options,
                            bool executable) {
  struct stat told{};
  if (::stat(path.c_str(), &told) == 0 && S_ISREG(told.st_mode)) {
    options.mode = told.st_mode & 07777U;
  } else {
    const auto masked = ::umask(0);
    ::umask(masked);
    options.mode = (executable ? 0777U : 0666U) & ~masked;
  }
  return write_file_atomically(path, bytes, options);
}

}  // namespace tidings
