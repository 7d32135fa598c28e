#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "tidings/bus/bus.hpp"

namespace tidings::bus {

/// One subscription: its callables, whether it is still wanted, and how many calls run.
class Slot {
 public:
  explicit Slot(std::vector<Taken> taken) : taken_(std::move(taken)) {}

  [[nodiscard]] const std::vector<Taken>& taken() const { return taken_; }
  [[nodiscard]] bool active() const {
    const std::scoped_lock lock(mutex_);
    return active_;
  }

  /// A call begins; false where the subscription has ended.
  bool enter();
  void leave();
  /// No call begins after this.
  void deactivate();
  /// Returns when no call runs but those of the calling thread.
  void wait_for_others();

 private:
  std::vector<Taken> taken_;
  mutable std::mutex mutex_;
  std::condition_variable left_;
  bool active_ = true;
  std::size_t running_ = 0;
};

/// A frame of a handler on this thread: the thread's frames form a chain, so that a slot can tell how many of its calls
/// are this thread's own.
class Frame {
 public:
  explicit Frame(const Slot& slot) : slot_(&slot), outer_(top_) { top_ = this; }
  ~Frame() { top_ = outer_; }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  [[nodiscard]] static std::size_t count_of(const Slot& slot);

 private:
  const Slot* slot_;
  Frame* outer_;
  static thread_local Frame* top_;
};

/// Who is subscribed. Publishers take an immutable list and run it without a lock; those who subscribe make a new one.
class Registry : public std::enable_shared_from_this<Registry> {
 public:
  struct Entry {
    std::shared_ptr<Slot> slot;
    const Taken* taken;
  };
  using List = std::vector<Entry>;

  void add(const std::shared_ptr<Slot>& slot);
  void remove(const Slot& slot);
  BusResult publish(const AnyEvent& event, const void* identity, const EnvelopeView* cause);

 private:
  [[nodiscard]] std::shared_ptr<const List> list_of(const void* identity);

  std::mutex mutex_;
  std::vector<std::shared_ptr<Slot>> slots_;                            // in the order of subscription
  std::unordered_map<const void*, std::shared_ptr<const List>> lists_;  // by event, made when first asked for
};

}  // namespace tidings::bus
