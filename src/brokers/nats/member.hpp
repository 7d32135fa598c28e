#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "brokers/nats/core.hpp"
#include "brokers/nats/feed.hpp"
#include "brokers/nats/group_store.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/broker/in_flight.hpp"

namespace tidings::brokers::nats {

/// One consumer: a member of a group, or a reader. Thread-safe. What takes the server's answer to go on (joining,
/// beating, handing over, taking over) is done by the broker's keeper, or by who joins and leaves, one at a time;
/// fetching and settling work on what is here, and only settling writes a position.
class Member : public std::enable_shared_from_this<Member> {
 public:
  Member(std::shared_ptr<Core> core, std::shared_ptr<Topic> topic, const ConsumerOptions& options);
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  [[nodiscard]] const Topic& topic() const { return *topic_; }
  [[nodiscard]] const std::string& group() const { return options_.group; }
  [[nodiscard]] bool is_reader() const { return options_.group.empty(); }

  /// Joins, and takes what is free; or looks up where a reader begins. Errors: `busy`, `unreachable` (same call).
  Result<> begin(SteadyTime until);

  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max);
  Result<> settle(std::span<const DeliveryId> ids, Outcome outcome);
  Result<> reject(std::span<const DeliveryId> ids, Duration delay);
  Result<> extend(std::span<const DeliveryId> ids);
  [[nodiscard]] std::optional<Hold> keep(Partition partition);
  void let_go(Partition partition);
  [[nodiscard]] std::vector<Partition> assignment() const;
  void wake();
  /// Nothing new comes out any more.
  void begin_closing();
  /// Waits until what is in flight is settled, or `wait_max` is over, then leaves.
  void close(Duration wait_max);

  // The keeper's.

  /// Does what is due; returns when something is next.
  SteadyTime work();
  /// Somebody changed who holds what in the group.
  void group_changed();
  /// How much is settled beyond the position, where this holds the partition.
  [[nodiscard]] std::optional<std::uint64_t> settled_beyond(std::uint32_t partition) const;

 private:
  struct Place {
    std::unique_ptr<Feed> feed;
    bool is_held = false;
    bool is_wanted_elsewhere = false;
    // Of a group.
    InFlight flight;
    SteadyTime kept_until = SteadyTime::min();                              // by `keep`
    std::unordered_map<std::uint64_t, std::shared_ptr<const Kept>> events;  // by offset, not settled yet
    PositionRecord written;
    std::uint64_t revision = 0;
    bool revision_is_unknown = false;  // nobody knows whether the last write went through
    bool is_writing = false;
    std::optional<std::uint64_t> taken_over;  // the epoch of the last hold that ended with something unwritten
    // Of a reader.
    std::uint64_t cursor = 0;
  };

  [[nodiscard]] SteadyTime clock_now() const { return core_->options.clock->steady_now(); }
  void come(std::uint32_t partition, Message message);
  void tell_what_came();
  void connection_changed();
  void read(std::size_t max, std::vector<Delivery>& out);
  void read_for_group(std::size_t max, std::vector<Delivery>& out);
  [[nodiscard]] Delivery delivery(std::uint32_t partition, std::shared_ptr<const Kept> event, std::uint64_t generation,
                                  int attempt) const;
  [[nodiscard]] std::optional<SteadyTime> next_due() const;
  bool wait(std::unique_lock<std::mutex>& lock, SteadyTime until, std::optional<SteadyTime> due);
  [[nodiscard]] bool lease_is_over(SteadyTime now) const { return now - beaten_ > core_->url.lease; }

  template <class Act>
  std::optional<DeliveryId> for_each_held(std::span<const DeliveryId> ids, Act act);
  [[nodiscard]] Error not_owner(const DeliveryId& lost) const;

  // member_writing.cpp
  Result<> write_positions(std::unique_lock<std::mutex>& lock, bool beyond_too);
  [[nodiscard]] bool needs_writing(const Place& place, bool beyond_too) const;
  Result<> find_revision(std::unique_lock<std::mutex>& lock, std::uint32_t partition, SteadyTime until);
  void lose(Place& place);
  void lose_to_another(Place& place);

  // member_sharing.cpp, under sharing_ alone
  Result<> join(SteadyTime until);
  Result<> beat(SteadyTime until);
  Result<> look(SteadyTime until);
  Result<> hand_over_drained(SteadyTime until);
  Result<> apply(GroupStore::Seen seen, SteadyTime until);
  Result<> take(std::uint32_t partition, SteadyTime until);
  bool let_go_of_other_streams();
  Result<bool> expire(GroupRecord& record);
  void leave(SteadyTime until);
  [[nodiscard]] bool is_drained(const Place& place) const;
  [[nodiscard]] bool holds_any() const;

  const std::shared_ptr<Core> core_;
  const std::shared_ptr<Topic> topic_;
  const ConsumerOptions options_;
  std::uint64_t watch_ = 0;
  bool is_watching_ = false;

  std::mutex sharing_;  // who talks to the server about the group; taken before mutex_
  GroupStore store_;
  std::string id_;  // written under mutex_, too
  std::optional<GroupStore::Seen> seen_;
  struct Beat {
    std::uint64_t number = 0;
    SteadyTime since{};
  };
  std::map<std::string, Beat> beats_;  // of the others, and the guard
  std::uint64_t losses_ = 0;
  SteadyTime beat_due_{};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Place> places_;
  std::size_t turn_ = 0;
  int waiting_ = 0;
  bool has_come_ = false;  // and nobody was told
  bool is_woken_ = false;
  bool is_closing_ = false;
  bool is_closed_ = false;
  bool must_look_ = false;
  SteadyTime beaten_{};     // when the last beat that went through was begun
  SteadyTime write_due_{};  // what is settled beyond the position is written now and then
};

}  // namespace tidings::brokers::nats
