#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tidings/base/atomic_file.hpp"
#include "tidings/base/result.hpp"

// Files of projects, which others have put there: whatever stands in their place, reading ends, and takes little
// memory.
namespace tidings {

/// Records, sources and capabilities are written by people.
inline constexpr std::size_t project_file_bytes_max = std::size_t{16} << 20U;

/// All bytes of a regular file, or of one that a symbolic link leads to. Errors: `not_found` (never), `no_regular_file`
/// (never: a folder, a pipe, a device), `too_large` (never), `io_error`.
[[nodiscard]] Result<std::string> read_project_file(const std::string& path,
                                                    std::size_t bytes_max = project_file_bytes_max);

/// As `write_file_atomically`, with the mode that an editor gives: a file that is there keeps its own, a new one has
/// what the umask leaves, and may be run where it is `executable`. Whatever `options` say of the mode. One thread at a
/// time: the umask is the process'.
Result<> write_project_file(const std::string& path, std::string_view bytes, AtomicFileOptions options = {},
                            bool executable = false);

}  // namespace tidings
