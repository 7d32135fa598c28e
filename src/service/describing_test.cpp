#include "service/testing.hpp"
#include "tidings/aggregate/projection.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/saga/define.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

namespace v1 {
struct Price {
  std::string item;
  static constexpr tidings::traits<Price> event{.name = "test.price", .topic = "prices", .key = &Price::item};
};
}  // namespace v1
struct Price {
  std::string item;
  std::int64_t minor = 0;
  static constexpr tidings::traits<Price> event{
      .name = "test.price", .version = 2, .topic = "prices", .key = &Price::item};
  static Price upcast(const v1::Price& old) { return {.item = old.item, .minor = 0}; }
};

class DescribingTest : public ServiceTest {
 protected:
  static std::vector<std::string> names(const std::vector<ServiceDescription::Step>& steps) {
    std::vector<std::string> all;
    for (const auto& step : steps) all.push_back(step.name);
    return all;
  }
  static std::string does(const std::vector<ServiceDescription::Step>& steps, std::string_view name) {
    for (const auto& step : steps)
      if (step.name == name) return step.does;
    return "(none)";
  }
};

TEST_F(DescribingTest, AHandlerWithATransactionTellsWhatIsCommitted) {
  auto& service = make();
  service.on("label", {}, [](const Price&, Transaction&) {});
  const auto told = service.describe();
  ASSERT_EQ(told.handlers.size(), 1U);
  const auto& steps = told.handlers[0].steps;
  EXPECT_EQ(names(steps),
            (std::vector<std::string>{"fetch", "unknown-types", "order", "pause", "time-to-live", "parked-keys",
                                      "transaction", "inbox", "decode", "handler", "outbox", "commit", "settle"}));
  EXPECT_EQ(does(steps, "inbox"), "what was handled before is settled; marks are kept for 7d");
}

TEST_F(DescribingTest, ItTellsHowLongPayloadsAreKept) {
  EXPECT_EQ(
      make({.settings = {{"claim_check.folder", "/srv/claims"}, {"claim_check.keep", "30d"}}}).describe().claims_keep,
      "30d");
  EXPECT_EQ(make({.settings = {{"claim_check.keep", "30d"}}}).describe().claims_keep, "") << "there is no folder";
}

TEST_F(DescribingTest, ItTellsEventsAndTheOrderInWhichThingsAreDone) {
  auto& service = make({.settings = {{"namespace", "eu"},
                                     {"handlers.label.rate.events", "100"},
                                     {"handlers.label.deadline", "5s"},
                                     {"claim_check.folder", "/srv/claims"}}});
  service.use("timing", [](DeliveryCall& call) { return call.next(); });
  service.use("tracing", [](DeliveryCall& call) { return call.next(); });
  service.on("label",
             {.concurrency = 8,
              .retry = {.immediate = 2, .delayed = 1, .never = {"gone"}},
              .breaker = {.window = 50, .share = 0.8}},
             [](const Price&) {});
  service.every("sweep", Recurrence::every(5min).or_throw(), [](TimePoint) { return Tick{1}; });

  const auto told = service.describe();
  EXPECT_EQ(told.service, "test");
  EXPECT_EQ(told.name_space, "eu");
  EXPECT_EQ(told.claims_keep, "") << "for ever";
  EXPECT_EQ(told.middleware, (std::vector<std::string>{"timing", "tracing"}));
  ASSERT_EQ(told.schedules.size(), 1U);
  EXPECT_EQ(told.schedules[0].recurrence, "PT5M");
  ASSERT_EQ(told.handlers.size(), 1U);
  const auto& handler = told.handlers[0];
  EXPECT_EQ(handler.group, "eu.test.label");
  EXPECT_EQ(handler.topics, std::vector<std::string>{"prices"});
  EXPECT_EQ(handler.start, "earliest");
  ASSERT_EQ(handler.events.size(), 1U);
  EXPECT_EQ(handler.events[0].versions, (std::vector<std::uint32_t>{2, 1}));
  EXPECT_EQ(names(handler.steps),
            (std::vector<std::string>{"fetch", "unknown-types", "order", "pause", "circuit-breaker", "rate-limit",
                                      "time-to-live", "parked-keys", "deadline", "claim-check", "middleware",
                                      "middleware", "decode", "handler", "publish", "settle"}));
  EXPECT_EQ(does(handler.steps, "middleware"), "timing");
  EXPECT_EQ(does(handler.steps, "rate-limit"), "100 events in each 1s, 100 at once after a lull");
  EXPECT_EQ(does(handler.steps, "decode"), "test.price 2, upcast from 1");
  EXPECT_EQ(names(handler.on_failure), (std::vector<std::string>{"retry", "park"}));
  EXPECT_NE(does(handler.on_failure, "retry").find("nor for gone"), std::string::npos);
  EXPECT_EQ(does(handler.on_failure, "park"), "in eu.test.label.dead-letters");
}

TEST_F(DescribingTest, OfAHandlerOfAnythingItTellsTopicsAlone) {
  auto& service = make();
  service.on_any("audit", {"orders", "mails"}, {.start = Start::latest()}, [](const EnvelopeView&, Context&) {});
  const auto handler = service.describe().handlers.at(0);
  EXPECT_EQ(handler.topics, (std::vector<std::string>{"orders", "mails"}));
  EXPECT_TRUE(handler.events.empty());
  EXPECT_EQ(handler.start, "latest");
  EXPECT_EQ(does(handler.steps, "decode"), "(none)");
}

struct Paid {
  std::string item;
  static constexpr tidings::traits<Paid> event{.name = "test.paid", .topic = "payments", .key = &Paid::item};
};
struct Purchase {
  std::string item;
  void begin(const Price& price) { item = price.item; }
  [[nodiscard]] Order order() const { return {}; }
};

TEST_F(DescribingTest, ItTellsOptionsProjectionsSagasAndWhatIsPublished) {
  auto& service = make();
  service.projection(
      tidings::projection<Price>(
          "prices", {.tables = {{"prices", "item text primary key"}, {"names", "name text"}}, .version = 3},
          [](const Price&, ReadModel&) {}),
      {.concurrency = 6, .retry = {.immediate = 2, .delayed = 3}});
  service.saga(
      saga::define<Purchase>("purchase", {.version = 2}, saga::starts(&Purchase::begin),
                             saga::step("order", saga::send(&Purchase::order), saga::done<Paid>(), saga::no_undo())));
  service.publishes<Paid>();
  const auto told = service.describe();
  ASSERT_EQ(told.handlers.size(), 2U);
  const auto& handler = told.handlers[0];
  EXPECT_EQ(handler.name, "prices");
  EXPECT_TRUE(handler.transaction);
  EXPECT_EQ(handler.concurrency, 6U);
  EXPECT_EQ(handler.retries, 5U);
  EXPECT_TRUE(handler.events.at(0).ordered);
  EXPECT_EQ(told.handlers[1].name, "saga-purchase");
  ASSERT_EQ(told.projections.size(), 1U);
  EXPECT_EQ(told.projections[0],
            (ServiceDescription::Projection{
                .name = "prices", .version = 3, .topic = "prices", .tables = {"prices", "names"}}));
  ASSERT_EQ(told.sagas.size(), 1U);
  EXPECT_EQ(told.sagas[0].version, 2);
  EXPECT_EQ(told.sagas[0].steps.at(0).act.sends.type, event_name<Order>());
  ASSERT_EQ(told.publishes.size(), 2U);
  EXPECT_EQ(told.publishes[0].type, "test.paid");
  EXPECT_EQ(told.publishes[1].type, event_name<Order>());
  EXPECT_TRUE(told.publishes[0].elsewhere);
  EXPECT_EQ(told.publishes[1].handlers, std::vector<std::string>{"saga-purchase"});
}

TEST_F(DescribingTest, ItTellsByWhatAnEventIsPublished) {
  auto& service = make();
  service.on("label", {.after_parked = AfterParked::go_on}, [](const Price&) {});
  service.every("sweep", Recurrence::every(5min).or_throw(), [](TimePoint) { return Paid{"1"}; });
  service.publishes<Paid>("label").publishes<Paid>("label").publishes<Order>().enqueues<Price>();
  service.requests<Price, Paid, Order>();
  const auto told = service.describe();
  ASSERT_EQ(told.publishes.size(), 3U);
  EXPECT_EQ(told.publishes[0].type, "test.paid");
  EXPECT_EQ(told.publishes[0].schedules, std::vector<std::string>{"sweep"});
  EXPECT_EQ(told.publishes[0].handlers, std::vector<std::string>{"label"});
  EXPECT_FALSE(told.publishes[0].elsewhere);
  EXPECT_TRUE(told.publishes[0].keyed);
  EXPECT_TRUE(told.publishes[1].elsewhere);
  EXPECT_FALSE(told.publishes[1].outbox);
  EXPECT_TRUE(told.publishes[2].outbox);
  EXPECT_FALSE(told.publishes[2].elsewhere);
  ASSERT_EQ(told.requests.size(), 1U);
  EXPECT_EQ(told.requests[0].event.type, "test.price");
  EXPECT_EQ(told.requests[0].replies.size(), 2U);
  EXPECT_EQ(told.requests[0].replies_topic, "test.replies");
  EXPECT_EQ(told.handlers[0].after_parked, "go_on");
  EXPECT_EQ(told.handlers[0].dead_letters, "test.label.dead-letters");
}

TEST_F(DescribingTest, AProcessWithoutANameRemembersNothing) {
  auto& service = make();
  service.on("cache", {.instances = Instances::each}, [](const Price&) {});
  const auto handler = service.describe().handlers.at(0);
  EXPECT_TRUE(handler.each_process);
  EXPECT_FALSE(handler.remembers);
  EXPECT_EQ(handler.after_parked, "go_on");
}

TEST_F(DescribingTest, ItsJsonReadsBack) {
  auto& service = make();
  service.on("archive", {.batch_max = 7}, [](const Batch<Order, Cancelled>&) {});
  const auto told = service.describe();
  EXPECT_TRUE(told.handlers.at(0).batches);
  std::string json;
  ASSERT_TRUE(JsonCodec::encode(told, json));
  const auto back = JsonCodec::decode<ServiceDescription>(json);
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(*back, told);
}

}  // namespace
}  // namespace tidings::service
