#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidings/brokers/open.hpp"
#include "tidings/testing/broker_conformance.hpp"

namespace tidings::testing {

enum class Fault {
  none,
  drops,
  duplicates,
  publishes_twice,
  reorders,
  acknowledges_early,
  leaks,
  forgets_attempts,
  ignores_rejections,
  truncates_payloads,
  loses_headers,
  writes_in_part,
  ignores_the_limit,
  ignores_extend,
  does_not_drain,
  sleeps_through_wake,
  counts_wrong,
  starts_at_the_earliest,
  ignores_seek,
  keeps_groups,
  deletes_under_members,
  forgets_positions,
  stays_disconnected,
  calls_the_unknown_a_failure,
  acknowledges_in_any_order,
  ignores_the_window,
  ignores_producers,
  fences_nobody,
  forgets_producers,
  mixes_producers_up,
  keeps_nothing,
  lets_nothing_go,
  forgets_what_was_begun,
  forgets_what_ended,
  blames_what_was_fetched,
};

/// What a faulty broker does after its server was restarted, or while its answers are lost.
struct Weather {
  std::atomic<bool> restarted = false;
  std::atomic<bool> answers_lost = false;
};

class FaultyConsumer final : public Consumer {
 public:
  FaultyConsumer(std::unique_ptr<Consumer> good, Fault fault, std::shared_ptr<Weather> weather)
      : good_(std::move(good)), fault_(fault), weather_(std::move(weather)) {}

  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
    if (fault_ == Fault::stays_disconnected && weather_->restarted)
      return Error{"closed", "the connection is gone", Retry::reopen};
    if (fault_ == Fault::duplicates && last_ && max > 0) return std::vector{*std::exchange(last_, std::nullopt)};
    auto got = good_->fetch(max, wait_max);
    if (!got) return got;
    if (!got->empty()) last_ = got->back();
    if (fault_ == Fault::drops)
      std::erase_if(*got, [&](const Delivery& delivery) {
        return delivery.id.offset.value % 97 == 13 && good_->settle({&delivery.id, 1}, Outcome::handled).has_value();
      });
    if (fault_ == Fault::reorders)
      for (std::size_t index = 1; index < got->size(); index += 2) std::swap((*got)[index - 1], (*got)[index]);
    for (auto& delivery : *got) {
      if (fault_ == Fault::acknowledges_early) (void)good_->settle({&delivery.id, 1}, Outcome::handled);
      if (fault_ == Fault::forgets_attempts) delivery.attempt = 1;
      if (fault_ == Fault::blames_what_was_fetched) {
        const Attempt one{delivery.id, delivery.attempt};
        good_->begin({&one, 1});
      }
      if (fault_ == Fault::truncates_payloads)
        delivery.envelope.payload = delivery.envelope.payload.substr(0, delivery.envelope.payload.find('\0'));
      if (fault_ == Fault::loses_headers) delivery.envelope.headers = {};
    }
    return got;
  }
  void begin(std::span<const Attempt> attempts) override {
    if (fault_ != Fault::forgets_what_was_begun) good_->begin(attempts);
  }
  void end(std::span<const DeliveryId> ids) override {
    if (fault_ != Fault::forgets_what_ended) good_->end(ids);
  }
  Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override { return good_->settle(ids, outcome); }
  Result<> reject(std::span<const DeliveryId> ids, Duration delay) override {
    return fault_ == Fault::ignores_rejections ? good_->settle(ids, Outcome::skipped) : good_->reject(ids, delay);
  }
  Result<> extend(std::span<const DeliveryId> ids) override {
    return fault_ == Fault::ignores_extend ? good_->reject(ids, Duration{}) : good_->extend(ids);
  }
  std::vector<Partition> assignment() const override { return good_->assignment(); }
  std::optional<Hold> keep(Partition partition) override {
    auto hold = good_->keep(partition);
    if (fault_ == Fault::keeps_nothing) good_->let_go(partition);
    return hold;
  }
  void let_go(Partition partition) override {
    if (fault_ != Fault::lets_nothing_go) good_->let_go(partition);
  }
  void wake() override {
    if (fault_ != Fault::sleeps_through_wake) good_->wake();
  }
  Result<> close(Duration wait_max) override {
    return good_->close(fault_ == Fault::does_not_drain ? Duration{} : wait_max);
  }

 private:
  std::unique_ptr<Consumer> good_;
  Fault fault_;
  std::shared_ptr<Weather> weather_;
  std::optional<Delivery> last_;
};

/// Acknowledges each second publish after the one behind it.
class FaultyPublisher final : public Publisher {
 public:
  explicit FaultyPublisher(std::unique_ptr<Publisher> good) : good_(std::move(good)) {}
  Result<> publish(std::span<const EnvelopeView> events, Acknowledged acknowledged,
                   const PublishOptions& options) override {
    return good_->publish(
        events,
        [this, acknowledged = std::move(acknowledged)](Result<std::vector<Published>> places) {
          if (!held_) {
            held_ = [=] { acknowledged(places); };
            return;
          }
          acknowledged(std::move(places));
          std::exchange(held_, nullptr)();
        },
        options);
  }
  Result<> flush(Duration wait_max) override {
    auto done = good_->flush(wait_max);
    if (auto held = std::exchange(held_, nullptr)) held();
    return done;
  }

 private:
  std::function<void()> held_;
  std::unique_ptr<Publisher> good_;
};

class FaultyBroker final : public Broker {
 public:
  FaultyBroker(std::unique_ptr<Broker> good, Fault fault, std::shared_ptr<Weather> weather, bool persistent)
      : good_(std::move(good)), capabilities_(good_->capabilities()), fault_(fault), weather_(std::move(weather)) {
    if (fault_ == Fault::leaks) leaked.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    capabilities_.persistent = persistent;
  }
  static inline std::vector<int> leaked;  // closed by the test

  const Capabilities& capabilities() const override { return capabilities_; }
  Result<> create_topic(std::string_view topic, const TopicOptions& options) override {
    return good_->create_topic(topic, options);
  }
  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options) override {
    if (fault_ == Fault::publishes_twice) (void)good_->publish(topic, events, options);
    if (fault_ == Fault::writes_in_part) (void)good_->publish(topic, events.first(1), options);
    auto changed = options;
    if (fault_ == Fault::ignores_producers) changed.producer.reset();
    if (changed.producer && fault_ == Fault::fences_nobody) changed.producer->epoch = 0;
    if (changed.producer && fault_ == Fault::forgets_producers) changed.producer->id += number_;
    if (changed.producer && fault_ == Fault::mixes_producers_up && changed.producer->id != 0) changed.producer->id = 1;
    auto answer = good_->publish(topic, events, changed);
    if (!weather_->answers_lost) return answer;
    if (fault_ == Fault::calls_the_unknown_a_failure) return Error{"busy", "try again", Retry::same_call};
    return Error{"outcome_unknown", "the answer was lost; publish the same ids again", Retry::same_call};
  }
  Result<std::unique_ptr<Publisher>> publisher(std::string_view topic, const PublisherOptions& options) override {
    auto changed = options;
    if (fault_ == Fault::ignores_the_window) changed.window += 5;
    auto good = Broker::publisher(topic, changed);
    if (!good || fault_ != Fault::acknowledges_in_any_order) return good;
    return std::make_unique<FaultyPublisher>(std::move(*good));
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    auto changed = options;
    if (fault_ == Fault::ignores_the_limit) changed.in_flight_max += 5;
    if (fault_ == Fault::starts_at_the_earliest) changed.start = Start::earliest();
    auto good = good_->subscribe(topic, changed);
    if (!good) return good;
    return std::make_unique<FaultyConsumer>(std::move(*good), fault_, weather_);
  }
  Result<std::vector<TopicInfo>> topics() override { return good_->topics(); }
  Result<TopicInfo> topic(std::string_view topic) override { return good_->topic(topic); }
  Result<std::vector<GroupInfo>> groups(std::string_view topic) override {
    auto infos = good_->groups(topic);
    if (!infos) return infos;
    for (auto& info : *infos)
      for (auto& partition : info.partitions)
        if (fault_ == Fault::counts_wrong && partition.handled > 0) --partition.handled;
    return infos;
  }
  Result<> seek(std::string_view topic, std::string_view group, const Start& to) override {
    return fault_ == Fault::ignores_seek ? Result<>{} : good_->seek(topic, group, to);
  }
  Result<> delete_group(std::string_view topic, std::string_view group) override {
    auto deleted = fault_ == Fault::keeps_groups ? Result<>{} : good_->delete_group(topic, group);
    if (fault_ == Fault::deletes_under_members && !deleted && deleted.error().code == "group_active") return {};
    return deleted;
  }
  Result<> close(Duration wait_max) override { return good_->close(wait_max); }

 private:
  std::unique_ptr<Broker> good_;
  Capabilities capabilities_;
  Fault fault_;
  std::shared_ptr<Weather> weather_;
  static inline std::atomic<std::uint64_t> handles = 0;
  std::uint64_t number_ = handles++;
};

/// A broker with a fault, and with everything that the suite can ask of a fixture: it outlives its handles, its server
/// restarts, its answers get lost.
class FaultyUnderTest final : public BrokerUnderTest {
 public:
  FaultyUnderTest(Fault fault, std::unique_ptr<BrokerUnderTest> inner) : fault_(fault), inner_(std::move(inner)) {
    if (fault_ != Fault::forgets_positions) keeper_ = inner_->open().or_throw();
  }

  Result<std::unique_ptr<Broker>> open(const BrokerOptions& options) override {
    auto good = inner_->open(options);
    if (!good) return good;
    return std::make_unique<FaultyBroker>(std::move(*good), fault_, weather_, true);
  }
  Result<> restart_server() override {
    weather_->restarted = true;
    return {};
  }
  Result<> lose_answers(bool lose) override {
    weather_->answers_lost = lose;
    return {};
  }
  Duration patience() const override {
    return fault_ == Fault::none ? BrokerUnderTest::patience() : Duration{std::chrono::milliseconds{1500}};
  }

 private:
  Fault fault_;
  std::unique_ptr<BrokerUnderTest> inner_;
  std::unique_ptr<Broker> keeper_;
  std::shared_ptr<Weather> weather_ = std::make_shared<Weather>();
};

/// The memory broker.
[[nodiscard]] inline BrokerFixture with(Fault fault) {
  return [fault]() -> std::unique_ptr<BrokerUnderTest> {
    static std::atomic<int> number = 0;
    const auto name = "memory:faulty-" + std::to_string(number++);
    return std::make_unique<FaultyUnderTest>(fault, broker_at([name] { return name; })());
  };
}

/// The embedded log: for what only a broker of several processes can do wrong. It has no handle open but those of the
/// case, which forks.
[[nodiscard]] inline BrokerFixture log_with(Fault fault) {
  class Handles final : public BrokerUnderTest {
   public:
    explicit Handles(Fault fault) : fault_(fault) {
      if (::mkdtemp(folder_.data()) == nullptr) std::abort();
    }
    ~Handles() override { std::filesystem::remove_all(folder_); }
    Handles(const Handles&) = delete;
    Handles& operator=(const Handles&) = delete;
    Result<std::unique_ptr<Broker>> open(const BrokerOptions& options) override {
      auto good = open_broker("log:" + folder_, options);
      if (!good) return good;
      return std::make_unique<FaultyBroker>(std::move(*good), fault_, std::make_shared<Weather>(), true);
    }

   private:
    Fault fault_;
    std::string folder_ = (std::filesystem::temp_directory_path() / "tidings-faulty-XXXXXX").string();
  };
  return [fault]() -> std::unique_ptr<BrokerUnderTest> { return std::make_unique<Handles>(fault); };
}

}  // namespace tidings::testing
