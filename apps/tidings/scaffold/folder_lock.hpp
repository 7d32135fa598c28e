#pragma once

#include <chrono>
#include <string>

#include "tidings/base/result.hpp"

namespace tidings::scaffold {

/// Held, no other `tidings new` or `tidings add` writes into a folder. Move-only; it goes with the process, however
/// that ends, and leaves nothing in the folder.
class FolderLock {
 public:
  /// Errors: `not_found`, `busy` (same call) where another has it for all of `wait_max`. Where the file system has no
  /// locks, or the folder cannot be read, nothing is locked, and that is no error.
  static Result<FolderLock> take(const std::string& folder,
                                 std::chrono::milliseconds wait_max = std::chrono::seconds{30});
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace tidings::scaffold
