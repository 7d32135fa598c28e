#pragma once

#include <cstddef>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

#include "service/task.hpp"

namespace tidings::service {

/// Which events may run now. Every key has a queue; a key whose head may run stands in line; a worker takes a turn, the
/// first of the line, and gives it back; a key that waits for its retry stands in no line and holds no worker. So the
/// events of one key run one after another, in the order in which they were added, and no key waits for another.
///
/// Keys are told apart by their hash: two that collide only wait for one another.
///
/// Costs: O(1) each; O(log of the waiting keys) to wait and to wake. Nothing is allocated once there has been as much
/// before. Not thread-safe: it stands under the mutex of its handler.
class Lanes {
  struct Key;

 public:
  /// `turn_max`: how many events of one key a turn may have, for handlers that take batches; a turn that could have
  /// fewer is waited for, until the first of them has been here for `gather`, or its topic gives no more:
  /// `expected_max` of its events are in hand.
  /// `mixes`: a turn may be of several keys, all of one topic, which then are given back together.
  Lanes(std::size_t expected_max, std::size_t turn_max, Duration gather = {}, bool mixes = false);

  /// The events of one key that a worker has in hand, linked by `next`; or of several, each key's in their order.
  struct Turn {
    Task* first = nullptr;
    std::size_t size = 0;

   private:
    friend class Lanes;
    Key* key = nullptr;  // the first of several, linked by `next`
  };

  /// An empty task.
  [[nodiscard]] Task& make();
  /// Behind what its key has already.
  void add(Task& task);

  /// How many events the next turn would have; 0 where there is none.
  std::size_t next_size(SteadyTime now);
  /// The next that may run, of `most` events at most where they are of a batch. `now` is of no matter where nothing is
  /// gathered.
  std::optional<Turn> take(std::size_t most = std::numeric_limits<std::size_t>::max(), SteadyTime now = {});
  /// The turn is over. `turn.first` are now those that are not done with, in their order; they stand before what was
  /// added meanwhile, and wait until `due`, if it is given.
  void give_back(const Turn& turn, std::optional<SteadyTime> due);
  /// The task is done with and belongs to no turn any more.
  void recycle(Task& task);

  /// Those that gather stand in line again, to be looked at anew: a topic of theirs gives no more.
  void stop_gathering();
  /// Keys whose wait is over stand in line again.
  void wake(SteadyTime now);
  [[nodiscard]] std::optional<SteadyTime> next_due() const;
  [[nodiscard]] std::size_t ready() const { return ready_; }

  /// Every task that there is, also those in a worker's hands: `visit(const Task&)`.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& task : tasks_)
      if (task.source != nullptr) visit(task);
  }

 private:
  struct Key {
    std::uint64_t hash = 0;
    bool in_table = false;
    bool in_hand = false;  // of a worker, or in line, or waiting: not to be put in line again
    bool gathers = false;  // it waits for more of its kind
    Task* first = nullptr;
    Task* last = nullptr;
    std::size_t size = 0;
    SteadyTime due{};
    Key* next = nullptr;         // in line, in a turn with others, or free
    Task* back_first = nullptr;  // of a turn that is given back
    Task* back_last = nullptr;
    Key* chain = nullptr;  // in the table
  };

  Key& key_of(const Task& task);
  Turn turn_of(Key& key, std::size_t most) const;
  void mix(Turn& turn, std::size_t most);
  void give_back_one(Key& key, Task* first, std::optional<SteadyTime> due);
  [[nodiscard]] bool gathers_on(const Key& key, SteadyTime now) const;
  Key& leave_line();
  void gather(Key& key);
  void release(Key& key);
  void line_up(Key& key);
  void wait(Key& key, SteadyTime due);
  void end_gathering(Key& key);

  std::size_t expected_max_;
  std::size_t turn_max_;
  Duration gather_;
  bool mixes_;
  std::deque<Task> tasks_;
  Task* free_tasks_ = nullptr;
  std::deque<Key> keys_;
  Key* free_keys_ = nullptr;
  std::vector<Key*> table_;  // a power of two of chains
  Key* line_first_ = nullptr;
  Key* line_last_ = nullptr;
  std::size_t ready_ = 0;
  std::vector<Key*> waiting_;  // a heap, the earliest due in front
};

}  // namespace tidings::service
