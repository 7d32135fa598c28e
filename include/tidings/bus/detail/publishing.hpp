#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "tidings/bus/bus_result.hpp"
#include "tidings/bus/detail/mark_order.hpp"
#include "tidings/bus/detail/taken.hpp"
#include "tidings/event/event_type.hpp"

/// A publish as most of them are, inlined into whoever publishes: what a bus adds to the calls of the handlers. Not for
/// users.
///
/// Publishers mark what they use: hazard pointers (Michael, 2004) with plain stores. Who takes something away looks at
/// the marks of all threads, behind a barrier that the kernel runs on each processor (src/bus/asymmetric_fence.hpp).
namespace tidings::bus {

class Slot;

/// What one of the publishes that a thread runs within one another marks. Written by that thread, read by others.
struct Level {
  std::atomic<const void*> list = nullptr;  ///< the list that is run; null: nothing is marked, whatever `slot` says
  std::atomic<Slot*> slot = nullptr;        ///< whose handler runs, or is about to
  Level* next = nullptr;                    ///< null: the last
  bool leaves = false;                      ///< a subscription ended in its own handler goes with this level
};

/// The calling thread's first level that is not in use. Null where it has not published yet, and where all are in use.
// Initial-exec: a load from the thread's own block, also when linked into a shared library.
extern constinit thread_local Level* level __attribute__((tls_model("initial-exec")));

/// Who is to be called.
struct Entry {
  Run run;
  void* callable;
  Slot* slot;
};

/// All subscribers at one moment, as publishers see them. Immutable: who subscribes makes another.
struct Snapshot {
  struct List {
    const Entry* begin = nullptr;
    const Entry* end = nullptr;
    bool is_plain = false;  ///< none of them asks for anything but the event, and no middleware stands around them
  };
  const List* lists = nullptr;  ///< by the event's number; the first, of events without one, is not plain
  std::uint32_t count = 0;
  List any;  ///< of events whose number is not below `count`

  [[nodiscard]] const List& list(std::uint32_t number) const { return number < count ? lists[number] : any; }
};

/// What publishers see of a bus.
struct Front {
  std::atomic<const Snapshot*> current;
};

/// With all that a publish can need.
[[nodiscard]] BusResult publish_in_full(Front& front, const EventType& type, const void* event);
[[nodiscard]] bool has_ended(const Slot& slot);
/// `errors`, which may be null, with the exception that is handled right now.
[[nodiscard]] std::vector<Error>* with_exception(std::vector<Error>* errors) noexcept;
/// Destroys the callables of ended subscriptions that no frame of this thread runs any more.
void release_left() noexcept;

/// `number`: what `number_of` says for the type, or 0.
inline BusResult publish(Front& front, std::uint32_t number, const EventType& type, const void* event) {
  auto* const mine = level;
  if (mine == nullptr) [[unlikely]]
    return publish_in_full(front, type, event);
  const auto* const snapshot = front.current.load(mark_load);
  mine->list.store(snapshot, mark_store);
  std::atomic_signal_fence(std::memory_order_seq_cst);  // the light half of the fence, as below
  // Unchanged: whoever replaces it from now on sees the mark, and does not free it.
  if (front.current.load(mark_load) != snapshot) [[unlikely]]
    return publish_in_full(front, type, event);
  const auto& list = snapshot->list(number);
  if (!list.is_plain) [[unlikely]]
    return publish_in_full(front, type, event);

  level = mine->next;
  std::size_t calls = 0;
  std::vector<Error>* errors = nullptr;  // no unique_ptr yet: it would live in memory
  const auto* const end = list.end;
  for (const auto* entry = list.begin; entry != end; ++entry) {
    mine->slot.store(entry->slot, mark_store);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    // Unchanged: nobody has ended it, and whoever does from now on waits for the mark to go.
    if (front.current.load(mark_load) != snapshot) [[unlikely]]
      if (has_ended(*entry->slot)) continue;
    try {
      entry->run(entry->callable, event, nullptr);
    } catch (...) {
      errors = with_exception(errors);
    }
    ++calls;
  }
  mine->list.store(nullptr, mark_store);
  level = mine;
  if (mine->leaves) [[unlikely]]
    release_left();
  return {calls, std::unique_ptr<std::vector<Error>>(errors)};
}

}  // namespace tidings::bus
