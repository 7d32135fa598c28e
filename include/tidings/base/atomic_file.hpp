#pragma once

#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings {

struct AtomicFileOptions {
  bool synced = true;    ///< also against a power cut: fdatasync before the rename, fsync of the folder after it
  unsigned mode = 0600;  ///< of the file, whatever the umask; it has it from its first moment on
};

/// Replaces the file at `path` by one with `bytes`: who reads it, now or after a crash at any instruction, sees the old
/// content or the new, whole. For one writer a path at a time; a draft that a killed writer left (`PATH~`) is
/// overwritten. Errors: those of `File` and `Directory`, of which none is for ever: `not_found` (same call) where the
/// folder is away.
Result<> write_file_atomically(const std::string& path, std::string_view bytes, AtomicFileOptions options = {});

/// Syncs a folder: the names in it outlive a power cut. Errors: as of `write_file_atomically`.
Result<> sync_folder(const std::string& path);

/// All bytes of a file. Errors: `not_found` (never), and those of `File`.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

}  // namespace tidings
