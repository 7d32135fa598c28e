#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dashboard/collector.hpp"
#include "dashboard/filter.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// Where a tail's messages go: an event's name and its JSON; without a name it is only asked. False: nobody listens any
/// more.
using TailSend = std::function<bool(std::string_view event, const std::string& json)>;

struct TailOptions {
  EventFilter filter;
  std::size_t max = 50;  ///< events shown a message
};

/// Follows topics for one listener, from the moment it begins on: every event that is meant is shown, once, unless a
/// message says `sampled`: then so many came that only some, evenly, are. What was missed is told as `lost`; a topic
/// that is damaged, so that not all of it is shown, as `damaged`: what is behind the damage is `lost`, and the tail
/// goes on at the end. Joins no group, makes no topic. Keeps ten messages' worth of events at most.
///
/// `run` is for one thread; `stop` from any.
class Tail {
 public:
  Tail(Broker& broker, const Common& common, Collector& collector, TailOptions options, TailSend send,
       Clock& clock = system_clock());
  ~Tail();
  Tail(const Tail&) = delete;
  Tail& operator=(const Tail&) = delete;

  /// From where each topic ends now, which it tells by a message without events, until nobody listens, `stop`, or an
  /// error of the broker's: that is told as `failed`.
  void run();
  void stop();

 private:
  Result<> begin();
  struct Topic {
    std::string name;
    std::map<std::uint32_t, std::uint64_t> next;  // offsets
    std::unique_ptr<Consumer> consumer;
    SteadyTime active{};
    bool is_known_to_move = false;
    bool is_damaged = false;                        // since it was opened
    std::map<std::uint32_t, std::uint64_t> before;  // `next` at the look before, where it is damaged
  };
  [[nodiscard]] std::size_t open_count() const;
  void look_for_topics();
  Result<> open(Topic& topic);
  Result<bool> read(Topic& topic);
  void tell_damage(const std::string& topic, const std::string& why);
  void pass_damage(Topic& topic, const TopicInfo& info);
  void tell_lost(Topic& topic, Partition partition, std::uint64_t to);
  void take(Topic& topic, const std::vector<Delivery>& deliveries);
  bool flush();
  bool tell(const std::string& events = {});

  Broker& broker_;
  const Common& common_;
  Collector& collector_;
  const TailOptions options_;
  const TailSend send_;
  Clock& clock_;
  std::vector<Topic> topics_;
  std::deque<std::string> waiting_;
  std::uint64_t seen_ = 0, matched_ = 0, shown_ = 0;
  std::uint64_t matched_before_ = 0;
  double rate_ = 0;
  SteadyTime rated_{};
  bool is_sampled_ = false;
  std::uint64_t picture_ = 0;
  std::vector<std::pair<std::string, std::string>> losses_;  // `lost` and `damaged`, and what they say
  std::map<std::string, std::string> damage_told_;           // by topic

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
};

/// The tails of all listeners, each on a thread of its own. Thread-safe.
class Tails {
 public:
  ~Tails() { stop(); }
  /// Takes it over.
  void add(std::shared_ptr<Tail> tail);
  void stop();
  [[nodiscard]] std::size_t count();

 private:
  struct One {
    std::shared_ptr<Tail> tail;
    std::shared_ptr<std::atomic<bool>> is_over;
    std::thread thread;
  };
  void sweep();
  std::mutex mutex_;
  std::vector<One> all_;
};

}  // namespace tidings::cli
