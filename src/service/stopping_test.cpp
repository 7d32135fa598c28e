// How handlers leave their groups: what is done is committed, what is not comes to others.
#include "service/handling.hpp"
#include "service/sealing.hpp"
#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

class StoppingTest : public ServiceTest {};

TEST_F(StoppingTest, members_of_a_group_share_and_take_over) {
  broker_->create_topic("orders", {.partitions = 4}).or_throw();
  constexpr std::int64_t events = 4000;
  std::mutex mutex;
  std::map<std::string, std::vector<std::int64_t>> handled;
  std::atomic<std::int64_t> count = 0;
  const auto handler = [&](const Order& order) {
    std::this_thread::yield();
    const std::scoped_lock lock(mutex);
    handled[order.id].push_back(order.number);
    ++count;
  };
  make().on("take", {.in_flight_max = 50}, handler);
  const auto running = start();
  std::jthread publisher([&] {
    for (std::int64_t number = 0; number < events; ++number) publish(Order{"k" + std::to_string(number % 13), number});
  });
  for (int member = 0; member < 6; ++member) {
    auto other = Service::create({.name = "test", .broker = broker_.get(), .log = &lines_});
    ASSERT_TRUE(other);
    other->on("take", {.in_flight_max = 50}, handler);
    std::jthread thread([&] { EXPECT_EQ(other->run(), 0); });
    const auto until = count + 200;
    EXPECT_TRUE(eventually([&] { return count >= std::min<std::int64_t>(until, events - 1); }));
    other->stop();
  }
  publisher.join();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(count, events) << "orderly stops hand nothing out twice";
  const std::scoped_lock lock(mutex);
  for (const auto& [key, numbers] : handled) EXPECT_TRUE(std::ranges::is_sorted(numbers)) << key;
}

TEST_F(StoppingTest, what_a_stopped_service_left_comes_to_the_next) {
  Record<std::int64_t> handled;
  for (std::int64_t number = 0; number < 300; ++number) publish(Order{"k" + std::to_string(number % 10), number});
  for (int run = 0; run < 5; ++run) {
    make().on("take", {.concurrency = 2}, [&](const Order& order) {
      handled.add(order.number);
      std::this_thread::yield();
    });
    const auto running = start();
    ASSERT_TRUE(handled.wait(static_cast<std::size_t>(20 * (run + 1))));
    EXPECT_EQ(stop(), 0);
    service_.reset();
  }
  make().on("take", {}, [&](const Order& order) { handled.add(order.number); });
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  auto all = handled.values();
  std::ranges::sort(all);
  EXPECT_EQ(all.size(), 300U) << "a drained stop hands nothing out twice";
  EXPECT_EQ(std::ranges::unique(all).size(), 0U);
}

/// The first consumer wants to be opened again, and is replaced while a stop is waking it.
class Reopened final : public Wrapped {
 public:
  using Wrapped::Wrapped;
  std::atomic<bool> subscribes_again = false;
  std::atomic<bool> wakes = false;
  std::atomic<bool> died_in_wake = false;

  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    if (!std::exchange(first_, false)) {
      subscribes_again = true;
      EXPECT_TRUE(eventually([&] { return wakes.load(); }));
      return Wrapped::subscribe(topic, options);
    }
    auto consumer = Wrapped::subscribe(topic, options);
    if (!consumer) return consumer.error();
    return std::make_unique<Gone>(*this, std::move(*consumer));
  }

 private:
  class Gone final : public WrappedConsumer {
   public:
    Gone(Reopened& broker, std::unique_ptr<Consumer> consumer)
        : WrappedConsumer(std::move(consumer)), broker_(broker) {}
    ~Gone() override {
      if (inside_) broker_.died_in_wake = true;
    }
    Result<std::vector<Delivery>> fetch(std::size_t, Duration) override {
      return Error{"closed", "the connection is gone", Retry::reopen};
    }
    void wake() override {
      auto& broker = broker_;  // where this dies meanwhile, nothing of it is touched
      inside_ = true;
      broker.wakes = true;
      for (const auto until = std::chrono::steady_clock::now() + 300ms; std::chrono::steady_clock::now() < until;) {
        if (broker.died_in_wake) return;
        std::this_thread::sleep_for(1ms);
      }
      inside_ = false;
    }

   private:
    Reopened& broker_;
    std::atomic<bool> inside_ = false;
  };
  bool first_ = true;
};

TEST_F(StoppingTest, a_stop_keeps_the_consumer_that_it_wakes) {
  Reopened broker(open_broker("memory:", {.log = &lines_}).or_throw());
  auto service = Service::create({.name = "test", .broker = &broker, .log = &lines_}).or_throw();
  service.on("take", {}, [](const Order&) {});
  {
    const std::jthread runner([&] { EXPECT_EQ(service.run(), 0); });
    EXPECT_TRUE(eventually([&] { return broker.subscribes_again.load(); }));
    service.stop();
  }
  EXPECT_TRUE(broker.wakes);
  EXPECT_FALSE(broker.died_in_wake) << "the consumer was destroyed while its wake() ran";
}

/// The first settlement is slow: it reaches the group only when somebody has closed that meanwhile, or after a while.
class SlowSettle final : public Wrapped {
 public:
  using Wrapped::Wrapped;
  std::atomic<bool> settles = false;
  std::atomic<bool> closed = false;

  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    auto consumer = Wrapped::subscribe(topic, options);
    if (!consumer) return consumer.error();
    return std::make_unique<Slow>(*this, std::move(*consumer));
  }

 private:
  class Slow final : public WrappedConsumer {
   public:
    Slow(SlowSettle& broker, std::unique_ptr<Consumer> consumer)
        : WrappedConsumer(std::move(consumer)), broker_(broker) {}
    Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override {
      if (!broker_.settles.exchange(true))
        for (const auto until = std::chrono::steady_clock::now() + 300ms;
             !broker_.closed && std::chrono::steady_clock::now() < until;)
          std::this_thread::sleep_for(1ms);
      return WrappedConsumer::settle(ids, outcome);
    }
    Result<> close(Duration wait_max) override {
      auto result = WrappedConsumer::close(wait_max);
      broker_.closed = true;
      return result;
    }

   private:
    SlowSettle& broker_;
  };
};

TEST_F(StoppingTest, a_stop_leaves_no_group_while_its_events_are_being_settled) {
  SlowSettle broker(open_broker("memory:", {.log = &lines_}).or_throw());
  auto service = Service::create({.name = "test", .broker = &broker, .log = &lines_}).or_throw();
  service.on("take", {.concurrency = 1}, [&](const Order&) {
    EXPECT_TRUE(eventually([&] { return broker.settles.load(); }));  // by the keeper, since the worker is here
    service.stop();
  });
  const std::array events{make_envelope(Order{"a", 1}, {.source = "till"}).or_throw(),
                          make_envelope(Cancelled{"b"}, {.source = "till"}).or_throw()};
  const std::array views{events[0].view(), events[1].view()};
  broker.publish("orders", views).or_throw();
  EXPECT_EQ(service.run(), 0);
  const auto groups = broker.groups("orders").or_throw();
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].lag(), 0U) << "what was done was not committed";
  EXPECT_EQ(lines_.count("could not settle"), 0U) << lines_.all();
}

/// One event, whose texts are gone as soon as the last owner is; who lets it go waits there until it may go on.
class Perishable final : public Wrapped {
 public:
  using Wrapped::Wrapped;
  std::atomic<bool> perished = false;
  std::atomic<bool> may_go_on = false;

  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    auto consumer = Wrapped::subscribe(topic, options);
    if (!consumer) return consumer.error();
    return std::make_unique<Once>(*this, std::move(*consumer));
  }

 private:
  class Once final : public WrappedConsumer {
   public:
    Once(Perishable& broker, std::unique_ptr<Consumer> consumer)
        : WrappedConsumer(std::move(consumer)), broker_(broker) {}
    Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
      if (std::exchange(given_, true)) return WrappedConsumer::fetch(max, wait_max);
      const auto envelope = std::make_shared<Envelope>(make_envelope(Order{"a", 1}, {.source = "till"}).or_throw());
      auto owner = std::shared_ptr<const void>(envelope.get(), [envelope, this](const void*) {
        std::ranges::fill(envelope->key, '!');
        broker_.perished = true;
        EXPECT_TRUE(eventually([&] { return broker_.may_go_on.load(); }));
      });
      std::vector<Delivery> deliveries(1);
      deliveries[0].envelope = envelope->view();
      deliveries[0].owner = std::move(owner);
      return deliveries;
    }

   private:
    Perishable& broker_;
    bool given_ = false;
  };
};

class NoPublisher final : public Publisher {
 public:
  Result<> seal(Envelope&) override { return {}; }
  Result<> check(std::string_view, const EnvelopeView&) override { return {}; }
  Clock& clock() override { return system_clock(); }
  Entropy& entropy() override { return system_entropy(); }
  Result<> publish(std::string_view, std::span<const EnvelopeView>) override { return {}; }
  Result<> publish_with(Transaction&, std::string_view, std::span<const EnvelopeView>) override { return {}; }
  void reply_refused(std::string_view, const Error&) override {}
};

TEST_F(StoppingTest, what_is_named_as_running_is_still_there) {
  Perishable broker(open_broker("memory:", {.log = &lines_}).or_throw());
  NoPublisher publisher;
  Sealing sealing;
  Host host{.service = "test",
            .sealing = &sealing,
            .broker = &broker,
            .publisher = &publisher,
            .clock = &system_clock(),
            .entropy = &system_entropy(),
            .log = &lines_};
  Handling handling(host, "take", {.concurrency = 1}, detail::make_handler([](const Order&) {}), [] {});
  handling.subscribe().or_throw();
  handling.start();
  EXPECT_TRUE(eventually([&] { return broker.perished.load(); }));
  EXPECT_EQ(handling.running(), std::vector<std::string>{}) << "its event's texts are gone";
  broker.may_go_on = true;
  handling.begin_stop();
  EXPECT_TRUE(handling.wait_ended(std::chrono::steady_clock::now() + 30s));
}

}  // namespace
}  // namespace tidings::service
