#include "tidings/base/file_system.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/close_watch.hpp"
#include "base/descriptor.hpp"

namespace tidings {
namespace {

/// Btrfs writes a changed block elsewhere, for which it needs space that `allocate` has not reserved: then a store into
/// a mapping is a SIGBUS. Where it cannot be told so, nothing else is lost.
void write_in_place(int fd) {
  struct statfs system{};
  struct stat status{};
  if (::fstatfs(fd, &system) != 0 || static_cast<long>(system.f_type) != BTRFS_SUPER_MAGIC) return;
  int flags = 0;
  if (::fstat(fd, &status) != 0 || status.st_size != 0 || ::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_NOCOW_FL;  // takes effect on empty files only
  (void)::ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/// As people know the user, else by number.
std::string user_name(uid_t user) {
  char text[1024];
  struct passwd entry{};
  struct passwd* found = nullptr;
  if (::getpwuid_r(user, &entry, text, sizeof text, &found) == 0 && found != nullptr) return found->pw_name;
  return "user " + std::to_string(user);
}

/// Why `path` (from the open directory `at` on: `entry`) could not be opened, and as whom it can be.
Error cannot_open(int at, const std::string& entry, const std::string& path, int error) {
  struct stat status{};
  if (error == EACCES && ::fstatat(at, entry.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      status.st_uid != ::geteuid())
    return {"permission_denied",
            "cannot open " + path + ", which belongs to " + user_name(status.st_uid) + "; run as that user",
            Retry::never};
  return system_error("cannot open", path, error);
}

class SystemFile final : public File {
 public:
  SystemFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  /// A child that is being forked has the open file, too, until its copy is closed: the locks end now all the same.
  ~SystemFile() override {
    if (!fd_.is_kept_from_children() || locks_are_mapped_) return;
    auto lock = lock_of({0, 0}, F_UNLCK);
    (void)::fcntl(fd_.get(), F_OFD_SETLK, &lock);
  }
  SystemFile(const SystemFile&) = delete;
  SystemFile& operator=(const SystemFile&) = delete;
  [[nodiscard]] int descriptor() const { return fd_.get(); }

  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const auto got = ::pread(fd_.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (got == 0) break;
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_error("cannot read", path_, errno);
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<> write_at(std::span<const std::byte> bytes, std::uint64_t offset) override {
    while (!bytes.empty()) {
      const auto put = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return system_error("cannot write", path_, put == 0 ? ENOSPC : errno);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
      offset += static_cast<std::uint64_t>(put);
    }
    return {};
  }

  Result<> sync_data() override {
    // Not repeated after an error: the kernel has forgotten the pages that it could not write.
    if (::fdatasync(fd_.get()) != 0) return system_error("cannot sync", path_, errno);
    return {};
  }

  Result<> allocate(std::uint64_t size) override {
    struct stat status{};
    // A copy may have all its bytes and few of its blocks. Where it has them there is nothing to ask for.
    if (::fstat(fd_.get(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) >= size &&
        static_cast<std::uint64_t>(status.st_blocks) * 512 >= static_cast<std::uint64_t>(status.st_size))
      return {};
    write_in_place(fd_.get());
    int error = 0;
    do error = ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(size));
    while (error == EINTR);
    if (error != 0) return system_error("cannot allocate " + std::to_string(size) + " bytes for", path_, error);
    return {};
  }

  Result<std::uint64_t> size() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return system_error("cannot look at", path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<FileId> id() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return system_error("cannot look at", path_, errno);
    return FileId{status.st_dev, status.st_ino};
  }

  Result<bool> is_named() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return system_error("cannot look at", path_, errno);
    return status.st_nlink > 0;
  }

  Result<Mapping> map(std::uint64_t size, bool writable) override {
    void* const at = ::mmap(nullptr, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd_.get(), 0);
    if (at == MAP_FAILED) return system_error("cannot map", path_, errno);
    if (fd_.is_kept_from_children()) (void)::madvise(at, size, MADV_DONTFORK);
    return Mapping(static_cast<std::byte*>(at), size);
  }

  Result<bool> try_lock(Range range) override {
    fd_.keep_from_children();
    auto lock = lock_of(range, F_WRLCK);
    if (::fcntl(fd_.get(), F_OFD_SETLK, &lock) == 0) return true;
    if (errno == EAGAIN || errno == EACCES) return false;
    return system_error("cannot lock", path_, errno);
  }

  Result<> unlock(Range range) override {
    auto lock = lock_of(range, F_UNLCK);
    if (::fcntl(fd_.get(), F_OFD_SETLK, &lock) != 0) return system_error("cannot unlock", path_, errno);
    return {};
  }

  Result<std::optional<Range>> held_by_others(Range range) override {
    auto lock = lock_of(range, F_WRLCK);
    if (::fcntl(fd_.get(), F_OFD_GETLK, &lock) != 0) return system_error("cannot look at the locks of", path_, errno);
    if (lock.l_type == F_UNLCK) return std::optional<Range>{};
    return std::optional<Range>{{static_cast<std::uint64_t>(lock.l_start), static_cast<std::uint64_t>(lock.l_len)}};
  }

  Result<Mapping> map_locks(std::uint64_t at) override {
    constexpr std::size_t page = 4096;
    void* const page_at = ::mmap(nullptr, page, PROT_NONE, MAP_SHARED, fd_.get(), static_cast<off_t>(at / page * page));
    if (page_at == MAP_FAILED) return system_error("cannot map", path_, errno);
    (void)::madvise(page_at, page, MADV_DONTFORK);  // a child would keep the locks, too
    locks_are_mapped_ = true;
    return Mapping(static_cast<std::byte*>(page_at), page);
  }

  Result<std::unique_ptr<CloseWatch>> watch_closes() override { return system_close_watch(fd_.get(), path_); }

  const std::string& path() const override { return path_; }

 private:
  static struct flock lock_of(Range range, short type) {
    struct flock lock{};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(range.begin);
    lock.l_len = static_cast<off_t>(range.length);
    return lock;
  }

  Descriptor fd_;
  std::string path_;
  bool locks_are_mapped_ = false;  // and outlive this
};

class SystemDirectory final : public Directory {
 public:
  SystemDirectory(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  [[nodiscard]] int descriptor() const { return fd_.get(); }

  Result<std::unique_ptr<Directory>> directory(std::string_view name, Create create) override {
    const auto path = path_ + "/" + std::string(name);
    const std::string entry(name);
    if (create != Create::never && ::mkdirat(fd_.get(), entry.c_str(), 0700) != 0 &&
        (errno != EEXIST || create == Create::must))
      return system_error("cannot create", path, errno);
    auto opened = std::make_unique<SystemDirectory>(
        ::openat(fd_.get(), entry.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), path);
    if (opened->descriptor() < 0) return cannot_open(fd_.get(), entry, path, errno);
    return std::unique_ptr<Directory>(std::move(opened));
  }

  Result<std::unique_ptr<File>> file(std::string_view name, Create create, bool writable) override {
    const auto path = path_ + "/" + std::string(name);
    int flags = (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;  // a FIFO must not block us
    if (create != Create::never) flags |= O_CREAT;
    if (create == Create::must) flags |= O_EXCL;
    const std::string entry(name);
    auto opened = std::make_unique<SystemFile>(::openat(fd_.get(), entry.c_str(), flags, 0600), path);
    if (opened->descriptor() < 0) return cannot_open(fd_.get(), entry, path, errno);
    struct stat status{};
    if (::fstat(opened->descriptor(), &status) != 0) return system_error("cannot look at", path, errno);
    if (!S_ISREG(status.st_mode)) return Error{"not_a_file", path + " is no regular file; move it away", Retry::never};
    if (writable && status.st_uid != ::geteuid() && ::geteuid() != 0)
      return Error{"foreign_owner",
                   path + " belongs to " + user_name(status.st_uid) + "; run as that user, or move it away",
                   Retry::never};
    return std::unique_ptr<File>(std::move(opened));
  }

  Result<std::vector<std::string>> list() override {
    const int fd = ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return system_error("cannot list", path_, errno);
    DIR* const stream = ::fdopendir(fd);
    if (stream == nullptr) {
      const int error = errno;
      ::close(fd);
      return system_error("cannot list", path_, error);
    }
    std::vector<std::string> names;
    errno = 0;
    while (const auto* const entry = ::readdir(stream)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    const int error = errno;
    ::closedir(stream);
    if (error != 0) return system_error("cannot list", path_, error);
    std::ranges::sort(names);
    return names;
  }

  Result<> rename(std::string_view from, std::string_view to) override { return rename(from, to, RENAME_NOREPLACE); }
  Result<> replace(std::string_view from, std::string_view to) override { return rename(from, to, 0); }
  Result<> remove_file(std::string_view name) override { return remove(name, 0); }
  Result<> remove_directory(std::string_view name) override { return remove(name, AT_REMOVEDIR); }

  Result<> sync() override {
    if (::fsync(fd_.get()) != 0) return system_error("cannot sync", path_, errno);
    return {};
  }

  Result<std::optional<std::string>> foreign_file_system() override {
    struct statfs status{};
    if (::fstatfs(fd_.get(), &status) != 0) return system_error("cannot look at", path_, errno);
    constexpr long xfs = 0x58465342;
    switch (static_cast<long>(status.f_type)) {
      case EXT4_SUPER_MAGIC:
      case xfs:
      case BTRFS_SUPER_MAGIC:
      case TMPFS_MAGIC:
      case OVERLAYFS_SUPER_MAGIC:
        return std::optional<std::string>{};
      default:
        break;
    }
    char text[32];
    std::snprintf(text, sizeof text, "type 0x%lx", static_cast<unsigned long>(status.f_type));
    return std::optional<std::string>{text};
  }

  Result<std::optional<std::string>> foreign_owner() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return system_error("cannot look at", path_, errno);
    return status.st_uid == ::geteuid() ? std::nullopt : std::optional{user_name(status.st_uid)};
  }

  const std::string& path() const override { return path_; }

 private:
  Result<> rename(std::string_view from, std::string_view to, unsigned flags) {
    if (::renameat2(fd_.get(), std::string(from).c_str(), fd_.get(), std::string(to).c_str(), flags) != 0)
      return system_error("cannot rename " + std::string(from) + " to", path_ + "/" + std::string(to), errno);
    return {};
  }

  Result<> remove(std::string_view name, int flags) {
    if (::unlinkat(fd_.get(), std::string(name).c_str(), flags) != 0)
      return system_error("cannot remove", path_ + "/" + std::string(name), errno);
    return {};
  }

  Descriptor fd_;
  std::string path_;
};

/// The names in the folder that `path` lies in are on the device then. One that may be written and not read is left.
Result<> sync_folder_of(const std::string& path) {
  const auto slash = path.find_last_of('/', path.find_last_not_of('/'));
  const auto folder = slash == path.npos ? "." : path.substr(0, slash + 1);
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 && errno == EACCES) return {};
  if (fd.get() < 0) return system_error("cannot open", folder, errno);
  if (::fsync(fd.get()) != 0) return system_error("cannot sync", folder, errno);
  return {};
}

class SystemFiles final : public FileSystem {
 public:
  Result<std::unique_ptr<Directory>> open(const std::string& path, bool create) override {
    if (path.empty() || path.find('\0') != path.npos)
      return Error{"invalid_path", "an empty path, or one with NUL, names no directory", Retry::never};
    for (std::size_t end = 0; create && end != path.npos;) {
      end = path.find('/', end + 1);
      const auto part = path.substr(0, end);
      if (::mkdir(part.c_str(), 0700) == 0) {
        if (auto synced = sync_folder_of(part); !synced) return synced.error();
      } else if (errno != EEXIST && end == path.npos) {
        return system_error("cannot create", part, errno);
      }
    }
    auto opened = std::make_unique<SystemDirectory>(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
    if (opened->descriptor() < 0) return cannot_open(AT_FDCWD, path, path, errno);
    return std::unique_ptr<Directory>(std::move(opened));
  }
};

}  // namespace

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

FileSystem& system_files() {
  static SystemFiles files;
  return files;
}

}  // namespace tidings
