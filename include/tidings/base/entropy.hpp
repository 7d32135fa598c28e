#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tidings {

/// The seam to randomness. For one thread at a time, unless an implementation says otherwise.
class Entropy {
 public:
  virtual ~Entropy() = default;
  /// Every byte of `out`, at random.
  virtual void fill(std::span<std::byte> out) = 0;
  [[nodiscard]] std::uint64_t next();
  /// Uniform in [0, bound); 0 where bound is 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
};

/// The kernel's generator (getrandom), buffered. Thread-safe; lives as long as the process.
[[nodiscard]] Entropy& system_entropy();

/// The same numbers for the same seed, on every machine and in every release (splitmix64). Not thread-safe.
class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::byte> out) override;

 private:
  std::uint64_t state_;
};

}  // namespace tidings
