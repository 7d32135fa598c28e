#pragma once

#include <atomic>

/// In which order publishers' marks are stored and read. Not for users.
namespace tidings::bus {

/// Whether the thread sanitizer watches. It knows no fences: under it, the marks themselves are sequentially
/// consistent.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool thread_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool thread_sanitizer = __has_feature(thread_sanitizer);
#else
inline constexpr bool thread_sanitizer = false;
#endif
inline constexpr auto mark_store = thread_sanitizer ? std::memory_order_seq_cst : std::memory_order_release;
inline constexpr auto mark_load = thread_sanitizer ? std::memory_order_seq_cst : std::memory_order_acquire;

}  // namespace tidings::bus
