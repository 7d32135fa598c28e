#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "tidings/base/file_system.hpp"

// Descriptors are few, topics may be many: a process that has many open keeps the folders and the locks of the first
// ones only at hand. Of the others it keeps one descriptor a partition, of the segment that it writes.
namespace tidings::log {

/// How many handles of an open log may keep their folders open. Thread-safe.
class FolderBudget {
 public:
  /// Less than an eighth of what a process may have open on a system that was left as it came (1,024).
  static constexpr int kept_max = 64;
  explicit FolderBudget(int kept = kept_max) : left_(kept) {}

  /// Gives it back when it goes; null where none is left.
  static std::shared_ptr<const void> take(const std::shared_ptr<FolderBudget>& budget);

 private:
  std::atomic<int> left_;
};

/// A folder that is opened for each call, by its name. It is the one that it was only if `control` in it is still that
/// file, which is mapped as long as this lives, so that no other file gets its id: else the calls' error is
/// `folder_replaced` (reopen). Thread-safe; `above` outlives it.
class FolderByName final : public Directory {
 public:
  /// In place of `opened`, which is called `name` in `above`.
  static Result<std::unique_ptr<Directory>> of(Directory& above, std::string name, Directory& opened);

  FolderByName(Directory& above, std::string name, std::string path, FileId control)
      : above_(above), name_(std::move(name)), path_(std::move(path)), control_(control) {}

  Result<std::unique_ptr<Directory>> directory(std::string_view name, Create create) override;
  Result<std::unique_ptr<File>> file(std::string_view name, Create create, bool writable) override;
  Result<std::vector<std::string>> list() override;
  Result<> rename(std::string_view from, std::string_view to) override;
  Result<> replace(std::string_view from, std::string_view to) override;
  Result<> remove_file(std::string_view name) override;
  Result<> remove_directory(std::string_view name) override;
  Result<> sync() override;
  Result<std::optional<std::string>> foreign_file_system() override;
  [[nodiscard]] const std::string& path() const override { return path_; }

 private:
  Result<std::unique_ptr<Directory>> open();

  Directory& above_;
  const std::string name_;
  const std::string path_;
  const FileId control_;
};

/// In place of `locked`, a file `name` of `folder` on which the byte at `at` is locked: a mapping, which keeps the lock
/// and takes no descriptor. Empty where the file system lets the lock go all the same (overlay does), or that was not
/// to be seen: then the file is to be kept.
[[nodiscard]] Mapping locks_of(File& locked, std::uint64_t at, Directory& folder, std::string_view name);

}  // namespace tidings::log
