#pragma once

#include <atomic>

namespace tidings::bus {

/// A thread that puts into rings, as they know it. Written by that thread; outlives every ring.
struct Claimer {
  std::atomic<const void*> ring = nullptr;  ///< in which it claims a place as its owner, or looks whether it may
};

}  // namespace tidings::bus
