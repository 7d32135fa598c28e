#pragma once

#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings {

struct AtomicFileOptions {
  bool synced = true;  ///< also against a power cut: fdatasync before the rename, fsync of the folder after it
};

/// Replaces the file at `path` by one with `bytes`: who reads it, now or after a crash at any instruction, sees the old
/// content or the new, whole. For one writer a path at a time; a draft that a killed writer left (`PATH~`) is
/// overwritten. Errors: `disk_full`, `io_error`, `not_found` where the folder is not there (all: same call, since
/// somebody may mend it meanwhile).
Result<> write_file_atomically(const std::string& path, std::string_view bytes, AtomicFileOptions options = {});

/// All bytes of a file. Errors: `not_found` (never), `io_error` (same call).
[[nodiscard]] Result<std::string> read_file(const std::string& path);

}  // namespace tidings
