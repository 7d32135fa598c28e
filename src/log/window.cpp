#include "log/window.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace tidings::log {

void Window::open(File& file) {
  file_ = &file;
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::uint64_t[]>(capacity / sizeof(std::uint64_t));
  begin_ = filled_ = 0;
}

Result<std::span<const std::byte>> Window::at(std::uint64_t position, std::size_t size) {
  assert(size <= capacity);
  const auto bytes = std::as_writable_bytes(std::span{buffer_.get(), capacity / sizeof(std::uint64_t)});
  if (position < begin_ || position - begin_ > filled_ || filled_ - (position - begin_) < size) {
    if (on_read && !on_read(position)) return Error{"interrupted", "it was not read to its end"};
    begin_ = position & ~std::uint64_t{7};
    // All that the buffer takes, unless the position is odd, where the last bytes asked for may not fit: those callers
    // ask for little.
    auto got = file_->read_at(bytes, begin_);
    filled_ = got ? *got : 0;
    if (!got) return got.error();
  }
  const auto skip = static_cast<std::size_t>(position - begin_);
  return skip >= filled_ ? std::span<const std::byte>{}
                         : std::span<const std::byte>{bytes}.subspan(skip, std::min(size, filled_ - skip));
}

Result<std::uint64_t> used_end(Window& window, std::uint64_t begin, std::uint64_t end) {
  auto used = begin;
  for (auto at = begin; at < end;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(end - at, Window::capacity - 8));
    auto bytes = window.at(at, want);
    if (!bytes) return bytes.error();
    if (bytes->empty()) break;
    // Nearly all of it is zeros, which memcmp sees at the speed of memory.
    const auto* const data = bytes->data();
    const bool is_zero =
        data[0] == std::byte{0} && std::memcmp(data, data + 1, bytes->size() - 1) == 0;  // each is as the one before
    if (!is_zero) {
      auto last = bytes->size();
      while (data[last - 1] == std::byte{0}) --last;
      used = at + last;
    }
    at += bytes->size();
  }
  return used;
}

}  // namespace tidings::log
