#include "bus/publishers.hpp"

#include <pthread.h>

#include <optional>
#include <utility>

#include "bus/slot.hpp"

namespace tidings::bus {

constinit thread_local Level* level __attribute__((tls_model("initial-exec"))) = nullptr;
constinit thread_local Publisher* known_publisher __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {

constinit std::atomic<Publisher*> publishers{nullptr};

void leave() {
  if (known_publisher == nullptr) return;
  known_publisher->in_use.store(false, std::memory_order_release);
  known_publisher = nullptr;
  level = nullptr;
}

/// Gives the thread's marks back when it ends.
struct Leave {
  ~Leave() { leave(); }
};
thread_local Leave leaves;

/// The same for who publishes, or ends a subscription, in the destructor of another thread_local that comes after it:
/// such keys come after all of those, and once more for each that is set meanwhile.
void leave_late() {
  static const std::optional<pthread_key_t> key = []() -> std::optional<pthread_key_t> {
    pthread_key_t made{};
    if (::pthread_key_create(&made, [](void*) { leave(); }) != 0) return std::nullopt;
    return made;
  }();
  if (key) ::pthread_setspecific(*key, known_publisher);
}

/// The child of a fork has one thread: what the others were doing is nobody's any more.
void forget_others() {
  for (auto* publisher = publishers.load(); publisher != nullptr; publisher = publisher->next) {
    if (publisher == known_publisher) continue;
    for (auto& marks : publisher->levels) {
      marks.list.store(nullptr);
      marks.slot.store(nullptr);
      marks.leaves = false;
    }
    publisher->claimer.ring.store(nullptr);
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

Publisher::Publisher() {
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) levels[i].next = &levels[i + 1];
}

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
  level = known_publisher->levels.data();
  (void)&leaves;  // its destructor is due now
  leave_late();
  return *known_publisher;
}

Slot& running_slot() {
  const auto& deepest = level == nullptr ? this_publisher().levels.back() : *(level - 1);
  return *deepest.slot.load(std::memory_order_relaxed);
}

Level* Publisher::outermost(const Slot& slot) {
  for (auto& used : levels) {
    if (&used == level) break;
    if (used.slot.load(std::memory_order_relaxed) == &slot) return &used;
  }
  return nullptr;
}

void release_left() noexcept {
  auto& publisher = this_publisher();
  level->leaves = false;
  // Moved out first: a callable's destructor may be here again.
  std::vector<std::shared_ptr<Slot>> done;
  std::erase_if(publisher.leaving, [&](std::shared_ptr<Slot>& slot) {
    if (publisher.outermost(*slot) != nullptr) return false;
    done.push_back(std::move(slot));
    return true;
  });
  for (const auto& slot : done) slot->release();
}

}  // namespace tidings::bus
