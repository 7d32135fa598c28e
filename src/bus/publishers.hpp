#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "bus/asymmetric_fence.hpp"

/// Who publishes right now, and what they look at: hazard pointers (Michael, 2004), a row of them for each thread. A
/// publisher marks what it uses, with plain stores and a light fence; who takes something away looks for marks behind a
/// heavy one.
namespace tidings::bus {

class Slot;

/// Publishes and middleware within one another, at most, on one thread.
inline constexpr std::size_t levels_max = 128;

/// A thread's marks. Written by that thread, read by others; never freed, taken over by a later thread.
struct alignas(64) Publisher {
  struct Level {
    std::atomic<const void*> list = nullptr;  ///< the list that is run
    std::atomic<Slot*> slot = nullptr;        ///< whose handler runs, or is about to
  };

  std::size_t depth = 0;                       ///< levels in use
  bool anything_leaves = false;                ///< `leaving` is not empty
  std::vector<std::shared_ptr<Slot>> leaving;  ///< ended in their own frames: their callables go with the frames
  std::atomic<bool> in_use = true;
  Publisher* next = nullptr;
  std::array<Level, levels_max> levels;

  [[nodiscard]] std::size_t frames_of(const Slot& slot) const;
};

// Initial-exec: a load from the thread's own block, also when linked into a shared library.
extern constinit thread_local Publisher* known_publisher __attribute__((tls_model("initial-exec")));
[[nodiscard]] Publisher& register_publisher();

[[nodiscard]] inline Publisher& this_publisher() {
  if (auto* const known = known_publisher) [[likely]]
    return *known;
  return register_publisher();
}

/// Every thread that ever published; the list only grows.
[[nodiscard]] Publisher* first_publisher();

/// Calls `f` with every level of every thread but `except`; look behind a heavy fence.
template <class F>
void for_each_level(const Publisher* except, F&& f) {
  for (auto* publisher = first_publisher(); publisher != nullptr; publisher = publisher->next) {
    if (publisher == except) continue;
    for (auto& level : publisher->levels) f(level);
  }
}

/// Destroys the callables of `publisher.leaving` that no frame of the thread runs any more.
void release_left(Publisher& publisher);

/// One level of marks, for a scope on its thread. `publisher.depth` is below `levels_max`. Inlined whatever else stands
/// around it, so that it stays in registers: it is most of what a publish costs.
class Mark {
 public:
  [[gnu::always_inline]] explicit Mark(Publisher& publisher)
      : publisher_(publisher), level_(publisher.levels[publisher.depth]) {
    ++publisher.depth;
  }
  [[gnu::always_inline]] ~Mark() {
    level_.slot.store(nullptr, mark_store);
    level_.list.store(nullptr, mark_store);
    --publisher_.depth;
    if (publisher_.anything_leaves) [[unlikely]]
      release_left(publisher_);
  }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;

  /// What `current` points to; it is not freed while the mark stands.
  template <class T>
  [[nodiscard, gnu::always_inline]] const T& protect(const std::atomic<const T*>& current) {
    const auto* seen = current.load(mark_load);
    for (;;) {
      level_.list.store(seen, mark_store);
      light_fence(light_is_free_);
      const auto* const again = current.load(mark_load);
      if (again == seen) return *seen;
      seen = again;
    }
  }
  /// From here on who ends `slot` waits; if it has not been ended by then, which the caller looks at next.
  [[gnu::always_inline]] void enter(Slot* slot) {
    level_.slot.store(slot, mark_store);
    light_fence(light_is_free_);
  }

 private:
  Publisher& publisher_;
  Publisher::Level& level_;
  const bool light_is_free_ = light_is_free.load(std::memory_order_relaxed);
};

}  // namespace tidings::bus
