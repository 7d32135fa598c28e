#pragma once

namespace tidings {

/// Tells the processor that this is a loop which waits for another one: a moment's rest, also for what shares its core.
inline void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace tidings
