#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "log/cursor.hpp"
#include "log/log_directory.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/broker/in_flight.hpp"

namespace tidings::brokers::log {

using tidings::log::Cursor;
using tidings::log::GroupFile;
using tidings::log::GroupRecord;
using tidings::log::InFlightTable;
using tidings::log::PartitionLog;
using tidings::log::TopicLog;

/// How often a member looks at its group that hears of all that changes in it (by `TopicWake` and `Deaths`): a net,
/// which tests take away.
inline std::atomic<Duration> look_at_group_every{std::chrono::seconds{1}};

/// How long a member has no partition before it says so. Tests change it.
inline std::atomic<Duration> tell_standing_by_after{std::chrono::seconds{10}};

/// Where `start` lies in a partition.
[[nodiscard]] Result<std::uint64_t> resolve(PartitionLog& partition, std::uint32_t number, const Start& start);

/// Of the files of one partition, and not to pass by itself.
[[nodiscard]] bool is_damage(const Error& error);

/// One consumer's state: a member of a group, or a reader. Thread-safe.
///
/// Members need no coordinator: each sees in the group's file how many there are and which of them it is, so it knows
/// how many partitions are its share; it takes free ones up to that, and gives up what is beyond once what is in flight
/// is settled. One damaged piece stops its own partition: the others go on.
class Member final : private tidings::log::Deaths::Listener {
 public:
  static Result<std::shared_ptr<Member>> join(std::shared_ptr<TopicLog> topic, const ConsumerOptions& options,
                                              Clock& clock, LogSink& sink);
  Member(std::shared_ptr<TopicLog> topic, const ConsumerOptions& options, std::optional<GroupFile> file, Clock& clock,
         LogSink& sink);
  /// In a child of a fork it does nothing: all is its parent's.
  ~Member() override;
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max);
  void begin(std::span<const Attempt> attempts);
  void end(std::span<const DeliveryId> ids);
  Result<> settle(std::span<const DeliveryId> ids, Outcome outcome);
  Result<> reject(std::span<const DeliveryId> ids, Duration delay);
  Result<> extend(std::span<const DeliveryId> ids);
  [[nodiscard]] std::vector<Partition> assignment() const;
  [[nodiscard]] std::optional<Hold> keep(Partition partition);
  void let_go(Partition partition);
  void wake();
  /// From now on `fetch` answers `closed`.
  void begin_closing();
  /// Waits until what is in flight is settled, or `wait_max` is over, then leaves.
  void drain(Duration wait_max);
  void leave();
  /// Looks at the group for one that has not fetched for a while: the others get their share all the same.
  void share_behind();
  /// Syncs where the group stands, if that has moved since. Meanwhile everything else goes on.
  void sync_positions();

 private:
  struct Place {
    PartitionLog* log = nullptr;
    std::optional<Cursor> cursor;
    std::optional<Cursor> again;  // for what comes another time
    InFlight flight;
    GroupRecord record;
    // What handlers have begun; `flights_key` is 0 while the partition is not held, and is read without the mutex.
    std::optional<InFlightTable> flights;
    std::atomic<std::uint64_t> flights_key = 0;
    std::atomic<std::uint64_t> flights_generation = 0;
    std::atomic<bool> any_begun = false;
    std::unordered_map<std::uint64_t, int> lost;  // attempts, by offset, of earlier holders
    std::optional<Error> refused;                 // damaged: nothing is read there before `look_again`
    SteadyTime look_again{};
    bool told_refused = false;
    bool held = false;
    bool leaving = false;                       // gets nothing new, and is given up when drained
    SteadyTime kept_until = SteadyTime::min();  // not before, unless it is let go
  };

  [[nodiscard]] Duration at_least_apart(Duration wait) const;
  static SteadyTime real_now() { return std::chrono::steady_clock::now(); }
  [[nodiscard]] bool is_reader() const { return options_.group.empty(); }
  struct Waiting;
  std::optional<std::uint32_t> count_members() override;
  [[nodiscard]] bool knows(std::uint32_t count) const override { return members_known_.load() == count; }
  void tell_group() override { topic_->wake().announce_change(group_); }
  void warn(const std::string& why) override { sink_.write(LogLevel::warning, why); }
  Result<> listen();
  [[nodiscard]] Duration look_again_in(bool has_share) const;
  [[nodiscard]] std::uint64_t flights_key(const DeliveryId& id) const;
  Result<std::uint64_t> start_in(PartitionLog& partition, std::uint32_t number) const;
  Result<> begin_positions();
  Result<> begin_position(std::uint32_t partition);
  Result<> open_place(std::uint32_t partition, Duration wait_max);
  Result<> refuse(std::uint32_t partition, const Error& why);
  void look_at_refused_again();
  std::optional<Error> damage_to_tell();
  [[nodiscard]] bool looks_at_group_now(SteadyTime now) const;
  Result<> rebalance();
  void tell_standing_by(std::uint32_t members);
  Result<bool> take(std::uint32_t partition);
  Result<> begin_place(std::uint32_t partition);
  void must_not_be_forked() const;
  Result<> give_up_drained();
  Result<> give_up(std::uint32_t partition);
  Result<> save(std::uint32_t partition);
  void sync(File& positions);
  Result<> read(std::size_t max, std::vector<Delivery>& out);
  Result<> pass_removed(Place& place);
  void tell_removed(const Place& place, std::uint64_t from, std::uint64_t to);
  Result<> read_place(std::uint32_t partition, std::size_t max, std::size_t& unsettled, std::vector<Delivery>& out);
  [[nodiscard]] Duration wait_for_news() const;
  [[nodiscard]] PartitionLog* behind() const;
  Result<bool> sync_behind(PartitionLog& partition, SteadyTime until);
  template <class Act>
  Result<> for_each_held(std::span<const DeliveryId> ids, Act act);

  const std::shared_ptr<TopicLog> topic_;
  const ConsumerOptions options_;
  Clock& clock_;
  LogSink& sink_;
  const tidings::log::TopicWake::Group group_;
  const Duration spread_;  // so that those of one process do not all look at once

  mutable std::mutex mutex_;
  std::optional<GroupFile> file_;
  static inline std::atomic<int> members_here_ = 0;  // of all logs
  std::vector<Place> places_;
  std::size_t turn_ = 0;
  SteadyTime next_balance_ = SteadyTime::min();
  SteadyTime next_look_ = SteadyTime::max();  // at what is refused
  std::optional<SteadyTime> unsynced_since_;  // events that others wrote cannot be synced, in time
  bool told_unsynced_ = false;
  std::atomic<bool> moved_ = false;  // positions that were written, and not synced yet
  bool wants_more_ = false;
  std::optional<SteadyTime> standing_by_since_;  // without a partition, though it has called
  bool told_standing_by_ = false;
  std::uint32_t changes_known_ = 0;
  std::atomic<std::uint32_t> members_known_ = 0;
  std::unique_ptr<tidings::log::Deaths::Listening> listening_;
  bool closing_ = false;
  bool closed_ = false;
  std::condition_variable drained_;
  std::atomic<bool> woken_ = false;
  std::atomic<int> waiting_ = 0;
};

}  // namespace tidings::brokers::log
