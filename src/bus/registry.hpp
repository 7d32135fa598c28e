#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bus/calling.hpp"
#include "bus/publishers.hpp"
#include "bus/slot.hpp"
#include "tidings/bus/options.hpp"

namespace tidings::bus {

/// Who is to be called with one type of event.
struct Row {
  struct Member {
    std::shared_ptr<Slot> slot;
    bool is_plain;  ///< takes the event and nothing else
  };
  std::vector<Entry> entries;
  std::vector<Member> members;  ///< what `entries` point to
};

/// What a snapshot points to.
struct Subscribers : Snapshot {
  std::vector<std::shared_ptr<const Row>> rows;  ///< by the event's number; null where `any_row` is all there is
  std::shared_ptr<const Row> any_row;            ///< for subscribers to every event
  std::vector<std::shared_ptr<Slot>> middleware;
  std::vector<List> row_lists;

  /// Before anybody else sees it.
  void settle();
};

[[nodiscard]] Error too_deep();

/// Returns when no thread but this one runs `slot`, which has been ended, or is about to.
void wait_for_others(const Slot& slot);
/// Destroys the callable; where this thread runs it, when that frame ends.
void release_after_own_frames(const std::shared_ptr<Slot>& slot);

/// Who is subscribed. Publishers run a snapshot, protected by their marks; changes make a new one and free the old ones
/// that nobody marks.
class Registry : public Front {
 public:
  explicit Registry(const BusOptions& options);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  void add(const std::shared_ptr<Slot>& slot);
  void remove(const Slot& slot);
  /// After `remove`: the thread of its queue has ended, and what it held is gone.
  void forget(const Lane& lane);
  [[nodiscard]] std::vector<std::shared_ptr<Slot>> slots() const;

  /// Ends every queue, for the end of the bus.
  void close();
  /// Takes the thread of a queue that its own handler ended; joins it when it has finished, at the latest in `close`.
  void adopt(std::thread thread, std::shared_ptr<Lane> lane);

  BusResult publish(const AnyEvent& event, const EnvelopeView* cause);
  /// Who is subscribed right now, for who marks it.
  [[nodiscard]] const std::atomic<const Subscribers*>& subscribers() const { return subscribers_; }

  [[nodiscard]] Clock& clock() const { return *options_.clock; }
  [[nodiscard]] Entropy& entropy() const { return *options_.entropy; }
  [[nodiscard]] LogSink& log() const { return *options_.log; }

 private:
  using Retired = std::vector<std::unique_ptr<const Subscribers>>;

  /// From now on publishers see `next`; returns what they saw before.
  const Subscribers* show(const Subscribers* next);
  void replace(std::unique_ptr<Subscribers> next, Retired& unused);
  void take_unused(Retired& unused);

  struct Leaving {
    std::thread thread;
    std::shared_ptr<Lane> lane;
  };
  void join_finished(bool all);

  BusOptions options_;
  std::atomic<const Subscribers*> subscribers_ = nullptr;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Slot>> slots_;   // in the order of subscription
  Retired retired_;                            // replaced, and perhaps still looked at
  std::vector<std::shared_ptr<Slot>> ending_;  // removed, and the threads of their queues may run: they look in here
  std::vector<Leaving> leaving_;               // under `mutex_`
};

}  // namespace tidings::bus
