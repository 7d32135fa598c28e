#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

namespace tidings {

/// A file's bytes in memory, shared with every process that maps it. Move-only; unmaps when it goes.
class Mapping {
 public:
  Mapping() = default;
  Mapping(std::byte* data, std::size_t size) : data_(data), size_(size) {}
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Mapping();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// What a file is, whatever its path says: no other file has it while one of them is open.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const FileId&, const FileId&) = default;
};

/// Hears when one file is closed. One thread waits; any may wake it.
class CloseWatch {
 public:
  virtual ~CloseWatch() = default;
  /// True: some open file of it, through which it could be written, was closed since the last call, in whatever process
  /// and be it by death; several may come as one. False: nothing, for `wait_max` or until `wake`. Error: `io_error`
  /// (reopen).
  virtual Result<bool> wait(Duration wait_max) = 0;
  /// Ends the wait, or the next one.
  virtual void wake() = 0;
};

/// An open file. Thread-safe as the kernel's calls are. Closed on exec, and when it goes. Its descriptor is never one
/// of the three standard ones.
///
/// Errors of all calls: `disk_full` (same call), `io_error` (reopen), with the path and what the system says.
class File {
 public:
  virtual ~File() = default;
  /// As many bytes as there are from `offset` on, at most what fits.
  virtual Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset) = 0;
  /// All of `bytes`; after an error some may have been written.
  virtual Result<> write_at(std::span<const std::byte> bytes, std::uint64_t offset) = 0;
  /// fdatasync: returns when the bytes, and the size that it takes to read them, are on the device.
  virtual Result<> sync_data() = 0;
  /// Makes the file `size` bytes long with all its blocks allocated, so that no later store finds the disk full.
  virtual Result<> allocate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
  virtual Result<FileId> id() = 0;
  /// Whether it has a name still: it was neither removed nor replaced.
  virtual Result<bool> is_named() = 0;
  virtual Result<Mapping> map(std::uint64_t size, bool writable) = 0;

  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t length = 1;
  };
  /// Takes the range for this open file, if no other open file holds any of it (an open file description lock: the
  /// kernel gives it back when the last descriptor of it is closed, be it by death). False: somebody else has it.
  /// The file is this process's own from then on: a child of a fork has it closed, and its calls fail there; mappings
  /// made after the lock are not there at all.
  virtual Result<bool> try_lock(Range range) = 0;
  virtual Result<> unlock(Range range) = 0;
  /// A lock of another open file that meets `range`, whole: of several any one, in no order.
  virtual Result<std::optional<Range>> held_by_others(Range range) = 0;
  /// A watch over this very file, which hears of a death a moment before the locks fall: it only tells when to look at
  /// them. Errors: `unsupported` (never) where the file system has no such thing, `too_many_watches` (same call).
  virtual Result<std::unique_ptr<CloseWatch>> watch_closes();
  /// The page at `at`, not to be touched: it keeps this open file, and so its locks, when the `File` itself has gone,
  /// and takes no descriptor. Empty where there is no such thing. Some file systems let the locks go all the same.
  virtual Result<Mapping> map_locks(std::uint64_t at) {
    (void)at;
    return Mapping{};
  }
  [[nodiscard]] virtual const std::string& path() const = 0;
};

/// An open directory. Names are single components; symbolic links are never followed.
///
/// Errors beside those of `File`: `not_found`, `exists`, `permission_denied`, `not_a_directory`, `not_a_file`,
/// `foreign_owner` (never).
class Directory {
 public:
  virtual ~Directory() = default;
  enum class Create { never, if_missing, must };
  virtual Result<std::unique_ptr<Directory>> directory(std::string_view name, Create create) = 0;
  /// `foreign_owner` only where it is opened to be written, and not to root.
  virtual Result<std::unique_ptr<File>> file(std::string_view name, Create create, bool writable = true) = 0;
  /// Sorted, without `.` and `..`.
  virtual Result<std::vector<std::string>> list() = 0;
  /// Error `exists` where `to` is there.
  virtual Result<> rename(std::string_view from, std::string_view to) = 0;
  /// As `rename`, but a file at `to` gives way, in one step.
  virtual Result<> replace(std::string_view from, std::string_view to) = 0;
  virtual Result<> remove_file(std::string_view name) = 0;
  virtual Result<> remove_directory(std::string_view name) = 0;
  /// fsync of the directory: its entries are on the device.
  virtual Result<> sync() = 0;
  /// Names the kind of a file system that other machines, or a process of its own, may stand behind; nullopt for local
  /// ones.
  virtual Result<std::optional<std::string>> foreign_file_system() = 0;
  /// The name of the user that the directory belongs to, where this process does not run as that one; nullopt also
  /// where the medium knows no users.
  virtual Result<std::optional<std::string>> foreign_owner() { return std::optional<std::string>{}; }
  [[nodiscard]] virtual const std::string& path() const = 0;
};

/// The seam to disk.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// Opens a directory by any path; with `create`, also its parents. Those that it makes are for the owner only (0700),
  /// and their names are on the device.
  virtual Result<std::unique_ptr<Directory>> open(const std::string& path, bool create) = 0;
};

/// The machine's own; lives as long as the process.
[[nodiscard]] FileSystem& system_files();

}  // namespace tidings
