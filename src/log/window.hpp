#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "tidings/base/file_system.hpp"

namespace tidings::log {

/// Reads a file through one buffer, mostly front to back. By reads, not by a mapping: where somebody cuts the file
/// short a mapping is a SIGBUS, a read only gives less. Not thread-safe.
class Window {
 public:
  static constexpr std::size_t capacity = 256
                                          << 10;  // stays in the processor's cache between the copy and the checksum

  /// Of this file from now on; it must outlive what is read.
  void open(File& file);

  /// At most `capacity` bytes from `position` on, fewer where the file ends; valid until the next call. At multiples of
  /// 8 they are aligned as the structures of the format ask.
  Result<std::span<const std::byte>> at(std::uint64_t position, std::size_t size);

  /// Asked before every read of the disk, with the place in the file; false makes `at` fail with `interrupted`.
  std::function<bool(std::uint64_t position)> on_read;

 private:
  File* file_ = nullptr;
  std::unique_ptr<std::uint64_t[]> buffer_;
  std::uint64_t begin_ = 0;
  std::size_t filled_ = 0;
};

/// Where the last byte of [begin, end) ends that is not 0; `begin` where there is none.
[[nodiscard]] Result<std::uint64_t> used_end(Window& window, std::uint64_t begin, std::uint64_t end);

}  // namespace tidings::log
