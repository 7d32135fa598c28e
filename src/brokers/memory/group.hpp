#pragma once

#include <condition_variable>
#include <string>
#include <vector>

#include "tidings/broker/broker.hpp"
#include "tidings/broker/in_flight.hpp"

namespace tidings::brokers::memory {

class Group;

/// One consumer's state; under its topic's mutex.
struct Member {
  ConsumerOptions options;
  Clock* clock = nullptr;
  Group* group = nullptr;              // none: a reader
  std::vector<std::uint64_t> cursors;  // of a reader
  std::size_t turn = 0;                // the partition that the next fetch looks at first
  std::condition_variable wake;
  int waiting = 0;  // threads in fetch or close
  bool woken = false;
  bool closing = false;
  bool closed = false;

  void notify() {
    if (waiting > 0) wake.notify_all();
  }
};

/// A group on one topic: where it is, and who of its members holds which partition. Under its topic's mutex.
///
/// Partitions move cooperatively: the holder gets nothing new from one that is wanted elsewhere, and it moves when what
/// is in flight has been settled, or when its time to be settled is over.
class Group {
 public:
  struct Place {
    InFlight flight;
    Member* holder = nullptr;
    Member* wanted = nullptr;
    SteadyTime kept_until = SteadyTime::min();
  };

  Group(std::string name, const std::vector<std::uint64_t>& positions);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::vector<Place>& places() { return places_; }
  [[nodiscard]] const std::vector<Place>& places() const { return places_; }
  [[nodiscard]] bool active() const { return !members_.empty(); }

  void join(Member& member);
  /// It gets nothing new; its partitions move as they are drained.
  void begin_leaving(Member& member);
  [[nodiscard]] bool holds_any(const Member& member) const;
  /// What it still holds goes to others now.
  void leave(Member& member);

  /// Moves the partition, if it is wanted elsewhere and drained.
  void hand_over(Place& place, SteadyTime now);

  /// Only without members.
  void seek(const std::vector<std::uint64_t>& positions);

 private:
  void share(SteadyTime now);

  std::string name_;
  std::vector<Place> places_;
  std::vector<Member*> members_;  // in the order of joining; those that leave included
  std::uint64_t generation_ = 0;
};

}  // namespace tidings::brokers::memory
