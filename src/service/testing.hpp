#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "service/control.hpp"
#include "testing/servers/eventually.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/service/names.hpp"
#include "tidings/service/service.hpp"

namespace tidings::service {

using tidings::testing::eventually;

/// What the service's tests speak of.
struct Order {
  std::string id;
  std::int64_t number = 0;
  static constexpr tidings::traits<Order> event{.name = "test.order", .topic = "orders", .key = &Order::id};
};
struct Cancelled {
  std::string id;
  static constexpr tidings::traits<Cancelled> event{.name = "test.cancelled", .topic = "orders", .key = &Cancelled::id};
};
struct Confirmed {
  std::string id;
  std::string text;
  static constexpr tidings::traits<Confirmed> event{.name = "test.confirmed", .topic = "mails", .key = &Confirmed::id};
};
struct Tick {
  std::int64_t number = 0;
  static constexpr tidings::traits<Tick> event{.name = "test.tick", .topic = "ticks", .key = tidings::unordered};
};

/// Log lines, to be looked at.
class Lines final : public LogSink {
 public:
  void write(LogLevel level, std::string_view line) override {
    const std::scoped_lock lock(mutex_);
    lines_.push_back(std::string(level == LogLevel::debug ? "debug " : "") + std::string(line));
  }
  [[nodiscard]] std::size_t count(std::string_view part) const {
    const std::scoped_lock lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(lines_, [&](const auto& line) { return line.find(part) != std::string::npos; }));
  }
  void clear() {
    const std::scoped_lock lock(mutex_);
    lines_.clear();
  }
  [[nodiscard]] std::string all() const {
    const std::scoped_lock lock(mutex_);
    std::string text;
    for (const auto& line : lines_) text += line + "\n";
    return text;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// A list that grows under several threads, with a wait that ends.
template <class T>
class Record {
 public:
  void add(T value) {
    const std::scoped_lock lock(mutex_);
    values_.push_back(std::move(value));
    grown_.notify_all();
  }
  [[nodiscard]] bool wait(std::size_t size, std::chrono::seconds at_most = std::chrono::seconds{30}) {
    std::unique_lock lock(mutex_);
    return grown_.wait_for(lock, at_most, [&] { return values_.size() >= size; });
  }
  [[nodiscard]] std::vector<T> values() const {
    const std::scoped_lock lock(mutex_);
    return values_;
  }
  [[nodiscard]] std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return values_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable grown_;
  std::vector<T> values_;
};

/// Another's consumer as it is, for those that change a call or two.
class WrappedConsumer : public Consumer {
 public:
  explicit WrappedConsumer(std::unique_ptr<Consumer> consumer) : consumer_(std::move(consumer)) {}
  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
    return consumer_->fetch(max, wait_max);
  }
  void begin(std::span<const Attempt> attempts) override { consumer_->begin(attempts); }
  void end(std::span<const DeliveryId> ids) override { consumer_->end(ids); }
  Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override { return consumer_->settle(ids, outcome); }
  Result<> reject(std::span<const DeliveryId> ids, Duration delay) override { return consumer_->reject(ids, delay); }
  Result<> extend(std::span<const DeliveryId> ids) override { return consumer_->extend(ids); }
  std::vector<Partition> assignment() const override { return consumer_->assignment(); }
  std::optional<Hold> keep(Partition partition) override { return consumer_->keep(partition); }
  void let_go(Partition partition) override { consumer_->let_go(partition); }
  [[nodiscard]] std::optional<Offset> read_to(Partition partition) const override {
    return consumer_->read_to(partition);
  }
  void wake() override { consumer_->wake(); }
  Result<> close(Duration wait_max) override { return consumer_->close(wait_max); }

 private:
  std::unique_ptr<Consumer> consumer_;
};

/// The same for a broker.
class Wrapped : public Broker {
 public:
  explicit Wrapped(std::unique_ptr<Broker> broker)
      : capabilities_(broker->capabilities()), broker_(std::move(broker)) {}
  const Capabilities& capabilities() const override { return capabilities_; }
  Result<> create_topic(std::string_view topic, const TopicOptions& options) override {
    return broker_->create_topic(topic, options);
  }
  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options = {}) override {
    return broker_->publish(topic, events, options);
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    return broker_->subscribe(topic, options);
  }
  Result<std::vector<TopicInfo>> topics() override { return broker_->topics(); }
  Result<TopicInfo> topic(std::string_view topic) override { return broker_->topic(topic); }
  Result<std::vector<GroupInfo>> groups(std::string_view topic) override { return broker_->groups(topic); }
  Result<> seek(std::string_view topic, std::string_view group, const Start& to) override {
    return broker_->seek(topic, group, to);
  }
  Result<> delete_group(std::string_view topic, std::string_view group) override {
    return broker_->delete_group(topic, group);
  }
  Result<> close(Duration wait_max) override { return broker_->close(wait_max); }

 protected:
  Capabilities capabilities_;

 private:
  std::unique_ptr<Broker> broker_;
};

/// A broker that can be told to fail, and that counts what a group holds.
class Moody final : public Wrapped {
 public:
  using Wrapped::Wrapped;

  /// The next `times` publishes into the topic answer `error`.
  void fail_publish(std::string topic, int times, Error error) {
    const std::scoped_lock lock(mutex_);
    topic_ = std::move(topic), times_ = times, error_ = std::move(error);
  }
  [[nodiscard]] int publishes_to_fail() {
    const std::scoped_lock lock(mutex_);
    return times_;
  }
  void fail_settle(int times, Error error) {
    const std::scoped_lock lock(mutex_);
    settle_times_ = times, settle_error_ = std::move(error);
  }
  /// Members get nothing of this topic now.
  void hold_back(std::string topic) {
    const std::scoped_lock lock(mutex_);
    held_back_ = std::move(topic);
  }
  /// Members hear that they hold nothing any more.
  void disown() { disowned_ = true; }
  [[nodiscard]] std::size_t held_most() const { return held_most_; }
  [[nodiscard]] std::size_t extended() const { return extended_; }
  [[nodiscard]] std::size_t fetches() const { return fetches_; }

  void claim_persistent() { capabilities_.persistent = true; }

  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options = {}) override {
    {
      const std::scoped_lock lock(mutex_);
      if (topic == topic_ && times_ > 0) {
        --times_;
        return error_;
      }
    }
    return Wrapped::publish(topic, events, options);
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    auto consumer = Wrapped::subscribe(topic, options);
    if (!consumer) return consumer.error();
    return std::make_unique<Taker>(*this, std::string(topic), std::move(*consumer));
  }

 private:
  class Taker final : public WrappedConsumer {
   public:
    Taker(Moody& moody, std::string topic, std::unique_ptr<Consumer> consumer)
        : WrappedConsumer(std::move(consumer)), moody_(moody), topic_(std::move(topic)) {}
    Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
      ++moody_.fetches_;
      {
        std::unique_lock lock(moody_.mutex_);
        if (moody_.held_back_ == topic_) {
          lock.unlock();
          std::this_thread::sleep_for(std::chrono::milliseconds{1});
          return std::vector<Delivery>{};
        }
      }
      auto got = WrappedConsumer::fetch(max, wait_max);
      if (got) {
        const auto held = held_ += got->size();
        if (held > moody_.held_most_) moody_.held_most_ = held;
      }
      return got;
    }
    Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override {
      {
        const std::scoped_lock lock(moody_.mutex_);
        if (moody_.settle_times_ > 0) {
          --moody_.settle_times_;
          return moody_.settle_error_;
        }
      }
      held_ -= ids.size();
      return WrappedConsumer::settle(ids, outcome);
    }
    std::vector<Partition> assignment() const override {
      return moody_.disowned_ ? std::vector<Partition>{} : WrappedConsumer::assignment();
    }
    Result<> extend(std::span<const DeliveryId> ids) override {
      moody_.extended_ += ids.size();
      return WrappedConsumer::extend(ids);
    }

   private:
    Moody& moody_;
    std::string topic_;
    std::atomic<std::size_t> held_ = 0;
  };

  std::mutex mutex_;
  std::string held_back_;
  std::atomic<bool> disowned_ = false;
  std::string topic_;
  int times_ = 0;
  Error error_;
  int settle_times_ = 0;
  Error settle_error_;
  std::atomic<std::size_t> held_most_ = 0;
  std::atomic<std::size_t> extended_ = 0;
  std::atomic<std::size_t> fetches_ = 0;
};

/// A service named `test` over a broker of its own, in memory or the one that `TIDINGS_TEST_BROKER` names.
class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    look_at_control_every = std::chrono::milliseconds{20};
    use_clock(system_clock());
  }
  ~ServiceTest() override { stop(); }

  void use_clock(Clock& clock) {
    clock_ = &clock;
    broker_ = std::make_unique<Moody>(open_broker("memory:", {.clock = clock_, .log = &lines_}).or_throw());
  }

  Service& make(ServiceOptions options = {}) {
    options.name = options.name.empty() ? "test" : options.name;
    options.broker = broker_.get();
    options.log = &lines_;
    options.clock = clock_;
    options.entropy = &entropy_;
    service_ = std::make_unique<Service>(Service::create(std::move(options)).or_throw());
    return *service_;
  }
  /// Runs until `stop`, or the end of the scope: before the locals that handlers use are gone.
  class Running {
   public:
    explicit Running(ServiceTest& test) : test_(&test) {}
    ~Running() { test_->stop(); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    ServiceTest* test_;
  };
  [[nodiscard]] Running start() {
    thread_ = std::jthread([this] { status_ = service_->run(); });
    return Running(*this);
  }
  int stop() {
    if (service_ && thread_.joinable()) {
      service_->stop();
      thread_.join();
    }
    return status_;
  }

  template <class Event>
  void publish(const Event& event) {
    const auto envelope = make_envelope(event, {.source = "elsewhere"}).or_throw();
    publish_raw(event_topic<Event>(), envelope);
  }
  void publish_raw(std::string_view topic, const Envelope& envelope) {
    const std::array views{envelope.view()};
    broker_->publish(topic, views).or_throw();
  }
  /// Everything that stands in a topic.
  std::vector<Envelope> read(std::string_view topic) {
    std::vector<Envelope> all;
    if (!broker_->topic(topic)) return all;
    auto reader = broker_->subscribe(topic, {.group = "", .create_topic = false}).or_throw();
    while (true) {
      auto got = reader->fetch(1000, std::chrono::milliseconds{1}).or_throw();
      if (got.empty()) return all;
      for (const auto& delivery : got) all.emplace_back(delivery.envelope);
    }
  }
  /// Of a topic of dead letters, without what else its journal has.
  std::vector<Envelope> letters(std::string_view topic) {
    auto all = read(topic);
    std::erase_if(all, [](const Envelope& one) { return !one.headers.get(dead_letter::reason); });
    return all;
  }
  GroupPartitionInfo group(std::string_view topic, std::string_view name) {
    GroupPartitionInfo sum{};
    for (const auto& info : broker_->groups(topic).or_throw()) {
      if (info.group != name) continue;
      for (const auto& one : info.partitions) {
        sum.handled += one.handled;
        sum.parked += one.parked;
        sum.position.value += one.position.value;
        sum.end.value += one.end.value;
      }
    }
    return sum;
  }
  bool caught_up(std::string_view topic, std::string_view name) {
    return eventually([&] {
      const auto info = group(topic, name);
      return info.end.value > 0 && info.lag() == 0;
    });
  }

  Lines lines_;
  Clock* clock_ = &system_clock();
  SeededEntropy entropy_{42};
  std::unique_ptr<Moody> broker_;
  std::unique_ptr<Service> service_;
  int status_ = -1;
  std::jthread thread_;
};

}  // namespace tidings::service
