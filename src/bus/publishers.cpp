#include "bus/publishers.hpp"

#include <pthread.h>

#include <algorithm>

#include "bus/slot.hpp"

namespace tidings::bus {

constinit thread_local Publisher* known_publisher __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {

constinit std::atomic<Publisher*> publishers{nullptr};

/// Gives the thread's marks back when it ends.
struct Leave {
  ~Leave() {
    if (known_publisher == nullptr) return;
    known_publisher->in_use.store(false, std::memory_order_release);
    known_publisher = nullptr;
  }
};
thread_local Leave leave;

/// The child of a fork has one thread: what the others were doing is nobody's any more.
void forget_others() {
  for (auto* publisher = publishers.load(); publisher != nullptr; publisher = publisher->next) {
    if (publisher == known_publisher) continue;
    for (auto& level : publisher->levels) {
      level.slot.store(nullptr);
      level.list.store(nullptr);
    }
    publisher->depth = 0;
    publisher->in_use.store(false);
  }
}

Publisher& take_publisher() {
  for (auto* publisher = publishers.load(); publisher != nullptr; publisher = publisher->next) {
    bool free = false;
    if (!publisher->in_use.load(std::memory_order_relaxed) &&
        publisher->in_use.compare_exchange_strong(free, true, std::memory_order_acquire))
      return *publisher;
  }
  auto* const made = new Publisher;  // reachable from `publishers` for ever
  made->next = publishers.load();
  while (!publishers.compare_exchange_weak(made->next, made)) {
  }
  return *made;
}

}  // namespace

Publisher* first_publisher() {
  return publishers.load();
}

Publisher& register_publisher() {
  static const bool watching_forks = [] {
    ::pthread_atfork(nullptr, nullptr, forget_others);
    return true;
  }();
  (void)watching_forks;
  prepare_fences();
  known_publisher = &take_publisher();
  (void)&leave;  // its destructor is due now
  return *known_publisher;
}

std::size_t Publisher::frames_of(const Slot& slot) const {
  return static_cast<std::size_t>(
      std::count_if(levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(depth),
                    [&](const Level& level) { return level.slot.load(std::memory_order_relaxed) == &slot; }));
}

void release_left(Publisher& publisher) {
  // Moved out first: a callable's destructor may be here again.
  std::vector<std::shared_ptr<Slot>> done;
  std::erase_if(publisher.leaving, [&](std::shared_ptr<Slot>& slot) {
    if (publisher.frames_of(*slot) != 0) return false;
    done.push_back(std::move(slot));
    return true;
  });
  publisher.anything_leaves = !publisher.leaving.empty();
  for (const auto& slot : done) slot->release();
}

}  // namespace tidings::bus
