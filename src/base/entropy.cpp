#include "tidings/base/entropy.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "tidings/base/forks.hpp"

namespace tidings {
namespace {

__extension__ using Wide = unsigned __int128;

void from_kernel(std::span<std::byte> out) {
  while (!out.empty()) {
    const auto got = ::getrandom(out.data(), out.size(), 0);
    if (got > 0)
      out = out.subspan(static_cast<std::size_t>(got));
    else if (errno != EINTR)
      std::abort();  // cannot happen once the kernel has started
  }
}

/// A buffer a thread, thrown away after a fork: parent and child must not draw the same numbers.
class SystemEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> out) override {
    struct Buffer {
      std::array<std::byte, 1024> bytes;
      std::size_t used = 1024;
      unsigned forks_seen = 0;
    };
    thread_local Buffer buffer;
    if (out.size() > 256) return from_kernel(out);
    if (buffer.forks_seen != fork_count() || buffer.bytes.size() - buffer.used < out.size()) {
      from_kernel(buffer.bytes);
      buffer.used = 0;
      buffer.forks_seen = fork_count();
    }
    std::memcpy(out.data(), buffer.bytes.data() + buffer.used, out.size());
    buffer.used += out.size();
  }
};

}  // namespace

std::uint64_t Entropy::next() {
  std::uint64_t value = 0;
  fill(std::as_writable_bytes(std::span{&value, 1}));
  return value;
}

std::uint64_t Entropy::below(std::uint64_t bound) {
  if (bound == 0) return 0;
  // Lemire: multiply, and reject the few values that would favour some results.
  auto product = static_cast<Wide>(next()) * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t least = (0 - bound) % bound;
    while (static_cast<std::uint64_t>(product) < least) product = static_cast<Wide>(next()) * bound;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

Entropy& system_entropy() {
  static SystemEntropy entropy;
  return entropy;
}

void SeededEntropy::fill(std::span<std::byte> out) {
  while (!out.empty()) {
    auto z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    const auto size = std::min(out.size(), sizeof z);
    std::memcpy(out.data(), &z, size);
    out = out.subspan(size);
  }
}

}  // namespace tidings
