#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "brokers/kafka/pending.hpp"
#include "brokers/kafka/proven.hpp"
#include "tidings/broker/routing.hpp"

namespace tidings::brokers::kafka {

/// A producer of librdkafka's with the thread that hears what became of its records. When it ends, what is still in it
/// is dropped, and reported so. Thread-safe.
class ProducerClient final {
 public:
  static Result<std::shared_ptr<ProducerClient>> open(const Url& url, std::shared_ptr<LogRelay> relay);
  explicit ProducerClient(std::shared_ptr<LogRelay> relay, std::uint64_t bytes_max);
  ~ProducerClient();
  ProducerClient(const ProducerClient&) = delete;
  ProducerClient& operator=(const ProducerClient&) = delete;

  /// librdkafka gave it up: another takes its place.
  [[nodiscard]] bool is_dead() const { return dead_; }
  /// Waits for room. Error `backpressure`, or `closed`.
  Result<> reserve(std::uint64_t bytes, SteadyTime until);
  /// The topic's handle. The first time, and again once it was forgotten, its partitions are asked for, since
  /// librdkafka by itself does that only once a second.
  Result<std::shared_ptr<ProducedTopic>> topic(const std::string& name, SteadyTime until);
  void forget(const std::string& name);
  /// Hands the events over, in order. Waits, at most until `until`, where a partition does not know this producer:
  /// until it has taken its first. What cannot be handed over is reported as refused.
  void send(ProducedTopic& topic, const Routing& routing, const EnvelopeView* first,
            const std::shared_ptr<Pending>& pending, SteadyTime until);
  /// What waits for room, and for reports, ends.
  void stop();
  /// As if librdkafka had found that it cannot go on; for tests.
  void fail_for_tests();

 private:
  std::unique_ptr<InQueue> reported(const rd_kafka_message_t& message);
  void erred(rd_kafka_event_t& event);
  void run(const std::stop_token& stop);
  bool poll();
  void tell_reported();
  void leave(Event reports, std::vector<std::unique_ptr<InQueue>> records);
  void end_reports();
  void end_idle();
  std::unique_ptr<InQueue> record();
  void send_one(ProducedTopic& topic, Partition partition, const EnvelopeView& event, std::size_t index,
                const std::shared_ptr<Pending>& pending);
  /// Those of its parts whose partitions do not know this producer. Under send_mutex_, and so below.
  static std::vector<const Routing::Part*> strange(const ProducedTopic& topic, const Routing& routing,
                                                   std::uint64_t era);
  void send_all_but(std::span<const Routing::Part* const> begun, ProducedTopic& topic, const Routing& routing,
                    std::uint64_t era, const EnvelopeView* first, const std::shared_ptr<Pending>& pending);
  void refuse(std::uint64_t bytes, std::size_t count, rd_kafka_resp_err_t code, Pending& pending);

  const std::shared_ptr<LogRelay> relay_;
  const std::uint64_t bytes_max_;
  Client client_;
  Queue queue_;
  std::mutex topics_mutex_;
  std::map<std::string, std::shared_ptr<ProducedTopic>> topics_;
  std::mutex send_mutex_;               // events of one call stand together
  std::atomic<std::uint64_t> era_ = 1;  // another one after each failure: librdkafka may be another producer then
  std::mutex mutex_;
  std::condition_variable room_;
  std::uint64_t bytes_ = 0;
  std::atomic<bool> dead_ = false;
  bool stopped_ = false;
  /// Reports that were read, with the memory of their records.
  struct Read {
    std::vector<Event> reports;
    std::vector<std::unique_ptr<InQueue>> records;
  };
  // Who publishes next gives the memory back, where it came from: malloc serves a thread fast as long as no other one
  // frees what it took.
  std::mutex read_mutex_;
  Read read_;
  std::atomic<std::uint64_t> read_bytes_ = 0;
  // For the next records, under send_mutex_. Payloads stand in them, and not in librdkafka's own memory of a record:
  // each malloc of a kilobyte or more would go through all the small pieces that were freed since.
  std::vector<std::unique_ptr<InQueue>> spare_;
  // Of the thread alone: what was reported, and not told to who waits. Reports come by the thousand, and who is woken
  // for each takes as long as they do.
  std::vector<std::shared_ptr<Pending>> reported_;
  std::uint64_t reported_bytes_ = 0;
  std::jthread thread_;
};

/// Publishes to topics whose partitions are known. Thread-safe.
class Producer {
 public:
  Producer(const Url& url, std::shared_ptr<LogRelay> relay) : url_(url), relay_(std::move(relay)) {}
  ~Producer() { stop(); }
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  struct Sent {
    std::shared_ptr<Pending> pending;
    std::shared_ptr<ProducerClient> client;
  };
  /// Hands over what was routed; waits only for room. Names are Kafka's.
  Result<Sent> begin(const std::string& topic, Routing routing, std::span<const EnvelopeView> events, SteadyTime until);
  /// The topic may have gone, or be another one by now.
  void forget(const std::string& topic);
  /// Ends it: what is on its way is reported as it stands.
  void stop();
  /// See `ProducerClient`.
  void fail_for_tests();

 private:
  Result<std::shared_ptr<ProducerClient>> client();

  const Url url_;
  const std::shared_ptr<LogRelay> relay_;
  std::mutex mutex_;
  std::shared_ptr<ProducerClient> client_;
  bool stopped_ = false;
};

}  // namespace tidings::brokers::kafka
