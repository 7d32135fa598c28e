#pragma once

#include <cstdint>

// The event of 32 bytes that the bus's benchmarks publish.
namespace bench {

struct Tick {
  std::uint64_t sequence = 0;
  std::int64_t price = 0;
  std::int64_t quantity = 0;
  std::uint64_t venue = 0;
};
static_assert(sizeof(Tick) == 32);

}  // namespace bench
