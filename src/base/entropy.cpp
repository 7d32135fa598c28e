#include "tidings/base/entropy.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/chacha20.hpp"
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

/// A generator a thread, thrown away after a fork: parent and child must not draw the same numbers. The kernel gives
/// the key, now and then a new one, and ChaCha20 stretches it, as the kernel's own generator does, four blocks at a
/// time and without a system call. The first bytes of each stretch are the key of the next, so that an old stretch
/// cannot be made again from what is kept (Bernstein's fast key erasure).
class SystemEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> out) override {
    thread_local Generator generator;
    if (out.size() > 256) return from_kernel(out);
    generator.take(out);
  }

 private:
  using Key = std::array<std::uint32_t, 8>;
  static constexpr int stretches_max = 16;  // of one key from the kernel

  struct Generator {
    Key kept{};  // for the next stretch
    std::array<std::byte, 1024> bytes;
    std::size_t used = sizeof bytes;
    int stretches = 0;
    unsigned forks_seen = 0;

    void take(std::span<std::byte> out) {
      if (forks_seen != fork_count() || sizeof bytes - used < out.size()) [[unlikely]]
        refill();
      std::memcpy(out.data(), bytes.data() + used, out.size());
      used += out.size();
    }

    void refill() {
      static constexpr std::array<std::uint32_t, 3> nonce{};  // each key is used once
      Key key;
      if (stretches == 0 || forks_seen != fork_count()) {
        forks_seen = fork_count();  // before: a fork in between counts
        stretches = stretches_max;
        from_kernel(std::as_writable_bytes(std::span{key}));
      } else {
        std::memcpy(key.data(), kept.data(), sizeof key);
      }
      --stretches;
      chacha20(key, nonce, 0, bytes);
      std::memcpy(kept.data(), bytes.data(), sizeof kept);
      std::memset(bytes.data(), 0, sizeof kept);
      used = sizeof kept;
    }
  };
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
