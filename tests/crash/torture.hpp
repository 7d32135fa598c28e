#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace tidings::crash {

/// How much a suite does, and from which seed: `TORTURE_SEED` and `TORTURE_ROUNDS`, which every suite obeys.
struct Torture {
  std::uint64_t seed;
  std::uint64_t rounds;

  static Torture from_environment(std::uint64_t rounds) {
    const auto number = [](const char* variable, std::uint64_t fallback) {
      const char* const text = std::getenv(variable);
      return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
    };
    return {number("TORTURE_SEED", 1), number("TORTURE_ROUNDS", rounds)};
  }
  /// The line that replays it.
  void print(const char* of_what) const {
    std::printf("TORTURE_SEED=%llu TORTURE_ROUNDS=%llu: %s\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(rounds), of_what);
  }
};

}  // namespace tidings::crash
