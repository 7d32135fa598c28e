#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "brokers/kafka/cluster.hpp"
#include "brokers/kafka/wire.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/broker/in_flight.hpp"

namespace tidings::brokers::kafka {

/// What a member is made of.
struct MemberPlan {
  Url url;
  std::shared_ptr<Cluster> cluster;
  std::shared_ptr<LogRelay> relay;
  std::string topic;  ///< Kafka's name
  std::string group;  ///< likewise; empty: a reader
  std::uint32_t partitions = 0;
  std::vector<std::uint64_t> starts;  ///< by partition: of a reader, or where the group has no position; may be empty
  ConsumerOptions options;
  Clock* clock = nullptr;
};

/// One consumer's state: a member of a group, or a reader. Thread-safe.
///
/// One thread of its own polls librdkafka, always, so a slow handler costs nobody his membership. What comes goes into
/// bounded buffers, a partition that is full is paused, and `fetch` takes from there. Offsets are committed by
/// `settle`, which waits for it, with the counters beside them. When the group is shared out anew, Kafka's protocol
/// takes all partitions from everybody first: nothing new is handed out then, and what is in flight is waited for.
class Member final {
 public:
  static Result<std::shared_ptr<Member>> join(MemberPlan plan);
  explicit Member(MemberPlan plan) : plan_(std::move(plan)) {}
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max);
  Result<> settle(std::span<const DeliveryId> ids, Outcome outcome);
  Result<> reject(std::span<const DeliveryId> ids, Duration delay);
  Result<> extend(std::span<const DeliveryId> ids);
  [[nodiscard]] std::optional<Hold> keep(Partition partition);
  void let_go(Partition partition);
  [[nodiscard]] std::optional<Offset> read_to(Partition partition) const;
  [[nodiscard]] std::vector<Partition> assignment() const;
  void wake();
  /// From now on `fetch` answers `closed`.
  void begin_closing();
  /// Waits until what is in flight is settled, or `wait_max` is over.
  void drain(Duration wait_max);
  /// `leave` begins, on the member's thread.
  void begin_leaving();
  /// Leaves the group; what is not settled is another's. Takes seconds where the server is away.
  void leave();

 private:
  struct Place {
    InFlight flight;
    std::deque<SharedRecord> buffer;  // fetched, not handed out
    std::size_t buffer_bytes = 0;
    std::unordered_map<std::uint64_t, SharedRecord> unsettled;  // handed out: for another time
    std::uint64_t next_fetch = 0;                               // the least offset that may come now
    std::uint64_t gone_until = 0;                               // retention took what was not fetched before that
    std::uint64_t end_seen = 0;   // there is no event between the last one fetched and this
    std::uint64_t changes = 0;    // of what is to be committed
    std::uint64_t committed = 0;  // of `changes`
    std::uint64_t committed_position = 0;
    SteadyTime kept_until = SteadyTime::min();  // by `keep`
    bool held = false;
    bool leaving = false;  // gets nothing new: it is to be shared out anew
    bool paused = false;
    bool known = false;  // `flight` tells of an earlier hold
  };

  [[nodiscard]] bool is_reader() const { return plan_.group.empty(); }
  static SteadyTime real_now() { return std::chrono::steady_clock::now(); }
  [[nodiscard]] SteadyTime now() const { return plan_.clock->steady_now(); }
  [[nodiscard]] std::string name() const;

  // Handing out, with the mutex.
  void read(std::size_t max, std::vector<Delivery>& out);
  void read_place(std::uint32_t number, Place& place, std::size_t max, std::size_t& unsettled,
                  std::vector<Delivery>& out);
  SharedRecord take_next(Place& place);
  void pass_gaps(Place& place);
  [[nodiscard]] std::optional<SteadyTime> next_due() const;
  void wait_for_news(std::unique_lock<std::mutex>& lock, SteadyTime until);
  template <class Act>
  Result<> for_each_held(std::span<const DeliveryId> ids, Act act);

  // Committing.
  Result<> write(std::unique_lock<std::mutex>& lock, SteadyTime until);
  [[nodiscard]] bool has_unwritten() const;
  Result<> commit(const rd_kafka_topic_partition_list_t& list, SteadyTime until, const std::function<bool()>& is_held);
  [[nodiscard]] Error not_owner() const;

  // On the thread.
  Result<> start();
  void run();
  void poll(Duration wait_max);
  void take(const rd_kafka_message_t& message, std::vector<std::pair<std::uint32_t, SharedRecord>>& came);
  void put(std::vector<std::pair<std::uint32_t, SharedRecord>>& came);
  void serve();
  [[nodiscard]] std::size_t held_count() const;
  void resume_those_with_room();
  void wake_fetching(std::size_t bytes_each);
  void ask_servers(rd_kafka_topic_partition_list_t& list);
  void find_again();
  void go_on_at(std::uint32_t number, Place& place, std::uint64_t earliest, std::uint64_t end);
  void tell_moved(std::uint32_t number, std::uint64_t from, std::uint64_t to);
  void say_goodbye();

  // Sharing, on the thread.
  static void rebalanced(rd_kafka_t* client, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions,
                         void* opaque);
  void get(const rd_kafka_topic_partition_list_t& partitions);
  void get_place(std::uint32_t number, const std::optional<Cluster::Position>& committed, std::uint64_t start,
                 std::uint64_t earliest, std::uint64_t end);
  void begin_giving_up(bool lost);
  [[nodiscard]] bool may_give_up() const;
  void give_up();
  void give_up_all();
  [[nodiscard]] std::optional<SteadyTime> used_until(const Place& place) const;
  static std::uint64_t next_generation();

  const MemberPlan plan_;
  Client client_;

  mutable std::mutex mutex_;
  std::condition_variable news_;   // for who fetches
  std::condition_variable moved_;  // for who drains, or commits
  std::map<std::uint32_t, Place> places_;
  std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> written_;  // generation and changes, written last
  std::uint32_t turn_ = 0;
  std::optional<Error> trouble_;  // told by the next fetch
  bool woken_ = false;
  bool closing_ = false;
  bool writing_ = false;
  bool giving_up_ = false;
  bool lost_ = false;
  SteadyTime give_up_until_{};
  SteadyTime write_again_{};

  std::atomic<bool> stop_ = false;
  std::atomic<bool> wants_resume_ = false;
  // Of the thread alone.
  bool saying_goodbye_ = false;
  std::size_t queued_most_ = 0;     // in librdkafka, since it was woken last
  std::set<std::uint32_t> astray_;  // partitions of which librdkafka does not know where to read
  SteadyTime look_for_astray_{};
  Queue queue_;  // the consumer's own, to end a poll early
  std::mutex leave_mutex_;
  std::thread thread_;
};

}  // namespace tidings::brokers::kafka
