#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "bus/asymmetric_fence.hpp"
#include "bus/claimer.hpp"
#include "tidings/bus/detail/publishing.hpp"

/// Who publishes right now, and what they look at: a row of marks for each thread.
namespace tidings::bus {

/// Publishes and middleware within one another, at most, on one thread.
inline constexpr std::size_t levels_max = 128;

/// A thread's marks. Written by that thread, read by others; never freed, taken over by a later thread.
struct alignas(64) Publisher {
  Publisher();

  std::vector<std::shared_ptr<Slot>> leaving;  ///< ended in their own frames: their callables go with the frames
  std::atomic<bool> in_use = true;
  Publisher* next = nullptr;
  Claimer claimer;  ///< of places in queues
  std::array<Level, levels_max> levels;

  /// Of the thread that asks: the outermost level that runs `slot`; null where none does.
  [[nodiscard]] Level* outermost(const Slot& slot);
};

extern constinit thread_local Publisher* known_publisher __attribute__((tls_model("initial-exec")));
Publisher& register_publisher();
/// Of the calling thread; registers it, where it has not published yet.
inline Publisher& this_publisher() {
  if (auto* const known = known_publisher) [[likely]]
    return *known;
  return register_publisher();
}
/// Its first level that is not in use; null: all are.
[[nodiscard]] inline Level* free_level() {
  if (level == nullptr) [[unlikely]]
    this_publisher();
  return level;
}
/// Whose handler runs at its deepest level.
[[nodiscard]] Slot& running_slot();

/// Every thread that ever published; the list only grows.
[[nodiscard]] Publisher* first_publisher();

/// Calls `f` with every level of every thread but `except`; look behind a heavy fence.
template <class F>
void for_each_level(const Publisher* except, F&& f) {
  for (auto* publisher = first_publisher(); publisher != nullptr; publisher = publisher->next) {
    if (publisher == except) continue;
    for (const auto& marks : publisher->levels) f(marks);
  }
}

/// One level of marks, for a scope on its thread.
class Mark {
 public:
  [[gnu::always_inline]] explicit Mark(Level& mine) : level_(mine) {
    level_.slot.store(nullptr, mark_store);  // of an earlier publish
    level_.list.store(&level_, mark_store);  // no list, and the slot counts
    level = level_.next;
  }
  [[gnu::always_inline]] ~Mark() {
    level_.list.store(nullptr, mark_store);
    level = &level_;
    if (level_.leaves) [[unlikely]]
      release_left();
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
  Level& level_;
  const bool light_is_free_ = light_is_free.load(std::memory_order_relaxed);
};

}  // namespace tidings::bus
