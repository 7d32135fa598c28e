#pragma once

#include <atomic>

/// In which order publishers' marks are stored and read. Not for users.
namespace tidings::bus {

// The thread sanitizer knows no fences: under it, the marks themselves are sequentially consistent.
#if defined(__SANITIZE_THREAD__)
#define TIDINGS_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TIDINGS_THREAD_SANITIZER 1
#endif
#endif
#ifdef TIDINGS_THREAD_SANITIZER
inline constexpr auto mark_store = std::memory_order_seq_cst;
inline constexpr auto mark_load = std::memory_order_seq_cst;
#else
inline constexpr auto mark_store = std::memory_order_release;
inline constexpr auto mark_load = std::memory_order_acquire;
#endif

}  // namespace tidings::bus
