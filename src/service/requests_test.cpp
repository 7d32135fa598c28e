#include <variant>

#include "service/testing.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

struct Accepted {
  std::string id;
  static constexpr tidings::traits<Accepted> event{.name = "test.accepted", .key = &Accepted::id};
};
struct Refused {
  std::string id;
  std::string why;
  static constexpr tidings::traits<Refused> event{.name = "test.refused", .key = &Refused::id};
};
using Answer = std::variant<Accepted, Refused>;

class RequestsTest : public ServiceTest {
 protected:
  /// Another service over the same broker, that asks.
  Service& asker(std::string name = "asker") {
    asker_ = std::make_unique<Service>(Service::create({.name = std::move(name),
                                                        .broker = broker_.get(),
                                                        .clock = clock_,
                                                        .entropy = &askers_entropy_,
                                                        .log = &lines_})
                                           .or_throw());
    return *asker_;
  }
  void answer(Service& service) {
    service.on("answer", {}, [](const Order& order, Context& context) -> Result<> {
      if (!context.is_request()) return {};
      if (order.number < 0) return context.reply(Refused{order.id, "negative"});
      return context.reply(Accepted{order.id});
    });
  }
  SeededEntropy askers_entropy_{43};
  std::unique_ptr<Service> asker_;
};

TEST_F(RequestsTest, AReplyComesToWhoAsked) {
  answer(make());
  auto& one = asker();
  const auto running = start();
  for (int order = 0; order < 100; ++order) {
    const auto reply = one.request<Accepted>(Order{"a" + std::to_string(order), order}, {.deadline = 30s});
    ASSERT_TRUE(reply) << to_string(reply.error());
    EXPECT_EQ(reply->id, "a" + std::to_string(order));
  }
  const auto refused = one.request<Answer>(Order{"b", -1}, {.deadline = 30s});
  ASSERT_TRUE(refused) << to_string(refused.error());
  EXPECT_EQ(std::get<Refused>(*refused).why, "negative");
}

TEST_F(RequestsTest, RepliesComeOnATopicOfTheAskingService) {
  answer(make());
  auto& one = asker();
  const auto running = start();
  ASSERT_TRUE(one.request<Accepted>(Order{"a", 1}, {.deadline = 30s}));
  EXPECT_TRUE(broker_->topic("asker.replies"));
  EXPECT_FALSE(broker_->topic(".replies"));
}

TEST_F(RequestsTest, ManyAskAtOnceAndEachGetsItsOwn) {
  answer(make());
  auto& one = asker();
  const auto running = start();
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread)
      threads.emplace_back([&, thread] {
        for (int order = 0; order < 50; ++order) {
          const auto id = std::to_string(thread) + "/" + std::to_string(order);
          const auto reply = one.request<Accepted>(Order{id, order}, {.deadline = 60s});
          if (reply && reply->id == id) ++right;
        }
      });
  }
  EXPECT_EQ(right, 400) << lines_.all();
}

TEST_F(RequestsTest, NoReplyIsAnErrorAndTheRequestWasPublished) {
  auto& one = asker();
  const auto reply = one.request<Accepted>(Order{"a", 1}, {.deadline = 20ms});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, "no_reply");
  EXPECT_EQ(reply.error().retry, Retry::same_call);
  EXPECT_EQ(read("orders").size(), 1U);
}

TEST_F(RequestsTest, ARequestMayExpireWithItsDeadline) {
  ManualClock clock;
  use_clock(clock);
  auto& one = asker();
  EXPECT_FALSE(one.request<Accepted>(Order{"a", 1}, {.deadline = 20ms, .expires = true}));
  clock.advance(1s);
  auto& service = make();
  answer(service);
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.answer"));
  EXPECT_EQ(service.stats("answer").or_throw().expired, 1U);
}

TEST_F(RequestsTest, AnotherTypeOfReplyIsNamed) {
  answer(make());
  auto& one = asker();
  const auto running = start();
  const auto reply = one.request<Accepted>(Order{"a", -1}, {.deadline = 30s});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, "unexpected_reply");
  EXPECT_NE(reply.error().message.find("test.refused"), std::string::npos);
}

TEST_F(RequestsTest, WhoIsNotAskedCannotReply) {
  auto& service = make();
  Record<std::string> codes;
  service.on("answer", {},
             [&](const Order& order, Context& context) { codes.add(context.reply(Accepted{order.id}).error().code); });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(codes.wait(1));
  EXPECT_EQ(codes.values().front(), "no_request");
}

TEST_F(RequestsTest, AReplyGoesNowhereElseThanToATopicOfReplies) {
  auto& service = make();
  answer(service);
  broker_->create_topic("mails", {}).or_throw();
  const auto running = start();
  for (const std::string topic : {"mails", "../etc", "", ".replies", "tidings.control", "billing.dead-letters"}) {
    auto request = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
    request.headers.set(reply::topic, topic);
    publish_raw("orders", request);
  }
  ASSERT_TRUE(caught_up("orders", "test.answer"));
  EXPECT_EQ(service.stats("answer").or_throw().handled, 6U);
  EXPECT_EQ(group("orders", "test.answer").parked, 0U) << "it is no fault of the event's that its reply cannot go";
  EXPECT_TRUE(read("mails").empty());
  EXPECT_FALSE(broker_->topic("tidings.control"));
  EXPECT_EQ(lines_.count("a request wants its reply on 'mails'"), 1U) << lines_.all();
}

TEST_F(RequestsTest, AReplyToWhoIsGoneParksNothing) {
  auto& service = make({.settings = {{"create_topics", "false"}}});
  answer(service);
  broker_->create_topic("orders", {}).or_throw();
  broker_->fail_publish("gone.replies", 1, Error{"unknown_topic", "there is none"});
  const auto running = start();
  auto request = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  request.headers.set(reply::topic, "gone.replies");
  publish_raw("orders", request);
  ASSERT_TRUE(caught_up("orders", "test.answer"));
  EXPECT_EQ(group("orders", "test.answer").handled, 1U) << lines_.all();
  EXPECT_EQ(lines_.count("a request wants its reply on 'gone.replies'"), 1U) << lines_.all();
}

TEST_F(RequestsTest, AServiceThatStopsEndsTheWait) {
  auto& service = make();
  Record<std::string> codes;
  std::jthread asks;
  {
    const auto running = start();
    asks = std::jthread([&] {
      const auto reply = service.request<Accepted>(Order{"a", 1}, {.deadline = 1h});
      codes.add(reply ? "a reply" : reply.error().code);
    });
    ASSERT_TRUE(eventually([&] { return read("orders").size() == 1; }));
  }
  ASSERT_TRUE(codes.wait(1));
  EXPECT_EQ(codes.values().front(), "closed");
}

TEST_F(RequestsTest, EveryInstanceGetsEveryEventWhereItIsToldSo) {
  auto& service = make();
  auto& other = asker("test");
  Record<std::int64_t> here, there;
  publish(Tick{0});
  service.on("cache", {.concurrency = 1, .instances = Instances::each},
             [&](const Tick& tick) { here.add(tick.number); });
  other.on("cache", {.concurrency = 1, .instances = Instances::each},
           [&](const Tick& tick) { there.add(tick.number); });
  std::jthread runs([&] { other.run(); });
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 2; }));
  for (int tick = 1; tick <= 10; ++tick) publish(Tick{tick});
  EXPECT_TRUE(here.wait(10));
  EXPECT_TRUE(there.wait(10));
  other.stop();
  const std::vector<std::int64_t> expected{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_EQ(here.values(), expected) << "what was there before it started is not for it";
  EXPECT_EQ(there.values(), expected);
  EXPECT_TRUE(broker_->groups("ticks").or_throw().empty());
}

TEST_F(RequestsTest, ASecondProcessOfOneNameIsToldOf) {
  const std::vector<SettingValue> named{{"instance", "one"}, {"audit.every", "1s"}};
  auto& service = make({.settings = named});
  auto other = Service::create({.name = "test", .broker = broker_.get(), .settings = named, .log = &lines_}).or_throw();
  for (auto* each : {&service, &other})
    each->on("cache", {.concurrency = 1, .instances = Instances::each}, [](const Tick&) {});
  broker_->create_topic("ticks", {.partitions = 1}).or_throw();
  std::jthread runs;
  {
    const auto running = start();
    ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
    std::this_thread::sleep_for(2500ms);
    EXPECT_EQ(lines_.count("another process that is called"), 0U) << "there is none";
    runs = std::jthread([&] { other.run(); });
    EXPECT_TRUE(eventually([&] {
      return lines_.count(
                 "cache shares the events of ticks with another process that is "
                 "called 'one'") == 1;
    })) << lines_.all();
  }
  other.stop();
}

TEST_F(RequestsTest, ANamedInstanceGoesOnWhereItWas) {
  for (int round = 1; round <= 2; ++round) {
    auto& service = make({.settings = {{"instance", "one"}}});
    Record<std::int64_t> seen;
    publish(Tick{round});
    service.on("cache", {.instances = Instances::each}, [&](const Tick& tick) { seen.add(tick.number); });
    const auto running = start();
    ASSERT_TRUE(seen.wait(1));
    ASSERT_TRUE(caught_up("ticks", "test.cache.one"));
    EXPECT_EQ(seen.values(), std::vector<std::int64_t>{round});
  }
}

}  // namespace
}  // namespace tidings::service
