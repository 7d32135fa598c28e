#pragma once

#include <atomic>

#include "tidings/bus/detail/mark_order.hpp"

/// Two fences that together order a store before a load on both sides, as two sequentially consistent fences would, at
/// the cost of only one side: the light one is nothing but a word to the compiler, the heavy one makes the kernel run a
/// barrier on every processor that runs this process (membarrier(2), PRIVATE_EXPEDITED; the technique of userspace
/// RCU). Where the kernel refuses, both are real fences.
namespace tidings::bus {

/// Whether the kernel runs the heavy side for us. Asked once; before that, false, which is safe on the light side.
extern constinit std::atomic<bool> light_is_free;

/// Asks the kernel; before a thread's first light fence, and before a heavy one. Costs a load after the first call.
void prepare_fences();

/// `is_free`: what `light_is_free` said on this thread before, for those who fence often.
inline void light_fence([[maybe_unused]] bool is_free = light_is_free.load(std::memory_order_relaxed)) {
  if constexpr (!thread_sanitizer) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (!is_free) [[unlikely]]
      std::atomic_thread_fence(std::memory_order_seq_cst);
  }
}

void heavy_fence();

}  // namespace tidings::bus
