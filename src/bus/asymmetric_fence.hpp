#pragma once

#include <atomic>

/// Two fences that together order a store before a load on both sides, as two sequentially consistent fences would, at
/// the cost of only one side: the light one is nothing but a word to the compiler, the heavy one makes the kernel run a
/// barrier on every processor that runs this process (membarrier(2), PRIVATE_EXPEDITED; the technique of userspace
/// RCU). Where the kernel refuses, both are real fences.
namespace tidings::bus {

#if defined(__SANITIZE_THREAD__)
#define TIDINGS_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TIDINGS_THREAD_SANITIZER 1
#endif
#endif

// The thread sanitizer knows no fences: under it, the marks themselves are sequentially consistent.
#ifdef TIDINGS_THREAD_SANITIZER
inline constexpr auto mark_store = std::memory_order_seq_cst;
inline constexpr auto mark_load = std::memory_order_seq_cst;
#else
inline constexpr auto mark_store = std::memory_order_release;
inline constexpr auto mark_load = std::memory_order_acquire;
#endif

/// Whether the kernel runs the heavy side for us. Asked once; before that, false, which is safe on the light side.
extern constinit std::atomic<bool> light_is_free;

/// Asks the kernel; before a thread's first light fence, and before a heavy one. Costs a load after the first call.
void prepare_fences();

/// `is_free`: what `light_is_free` said on this thread before, for those who fence often.
inline void light_fence([[maybe_unused]] bool is_free = light_is_free.load(std::memory_order_relaxed)) {
#ifndef TIDINGS_THREAD_SANITIZER
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (!is_free) [[unlikely]]
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

void heavy_fence();

}  // namespace tidings::bus
