// One trace over three services: published, delivered, handled with a transaction, relayed, handled again.
#include <map>

#include "collector.hpp"
#include "ops/testing.hpp"
#include "saga/testing.hpp"
#include "service/testing.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;
using ops::Collector;
using ops::SpanSeen;

class TracedTest : public ::testing::Test {
 protected:
  ~TracedTest() override { stop(); }
  Service& make(const std::string& name, std::vector<SettingValue> more = {}, bool with_store = false) {
    std::vector<SettingValue> telemetry{{"OTEL_EXPORTER_OTLP_ENDPOINT", collector_.endpoint()},
                                        {"OTEL_BSP_SCHEDULE_DELAY", "20"},
                                        {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret%20one"}};
    telemetry.insert(telemetry.end(), more.begin(), more.end());
    services_.push_back(std::make_unique<Service>(
        Service::create({.name = name,
                         .broker = broker_.get(),
                         .store_url = with_store ? "sqlite:" + folder_.path() + "/" + name + ".db" : "",
                         .telemetry = std::move(telemetry),
                         .log = &lines_})
            .or_throw()));
    return *services_.back();
  }
  void start() {
    for (auto& service : services_) threads_.emplace_back([at = service.get()] { at->run(); });
    ASSERT_TRUE(eventually([&] { return lines_.count("started on") == services_.size(); })) << lines_.all();
  }
  void stop() {
    for (auto& service : services_) service->stop();
    threads_.clear();
    services_.clear();
  }
  std::vector<SpanSeen> named(std::string_view name) {
    std::vector<SpanSeen> found;
    for (const auto& span : collector_.spans())
      if (span.name == name) found.push_back(span);
    return found;
  }
  SpanSeen only(std::string_view name) {
    EXPECT_TRUE(eventually([&] { return !named(name).empty(); })) << name << "\n" << tree();
    const auto found = named(name);
    EXPECT_EQ(found.size(), 1U) << name << "\n" << tree();
    return found.empty() ? SpanSeen{} : found.front();
  }
  std::string tree() {
    std::string text;
    for (const auto& span : collector_.spans())
      text +=
          span.traceId + " " + span.parentSpanId + " > " + span.spanId + " " + span.service + ": " + span.name + "\n";
    return text;
  }

  Collector collector_;
  testing::TemporaryFolder folder_ = testing::TemporaryFolder::make("traces").or_throw();
  Lines lines_;
  std::unique_ptr<Broker> broker_ = open_broker("memory:", {.log = &lines_}).or_throw();
  std::vector<std::unique_ptr<Service>> services_;
  std::vector<std::jthread> threads_;
};

TEST_F(TracedTest, one_trace_leads_through_three_services_and_an_outbox) {
  auto& shop = make("shop");
  make("stock", {}, true).on("reserve", {}, [](const Order& order, Context& context, Transaction&) -> Result<> {
    return context.publish(Confirmed{order.id, "reserved"});
  });
  make("mail").on("send", {}, [](const Confirmed&) {});
  start();
  {
    ops::Span span(shop.tracer(), "POST /orders", ops::SpanKind::server);
    shop.publish(Order{"a", 1}).or_throw();
  }
  const auto root = only("POST /orders");
  const auto publish = only("publish orders");
  const auto deliver = only("deliver orders");
  const auto process = only("process orders");
  const auto enqueue = only("enqueue mails");
  const auto relay = only("relay mails");
  const auto deliver_mail = only("deliver mails");
  const auto process_mail = only("process mails");
  const std::vector<SpanSeen> all{root, publish, deliver, process, enqueue, relay, deliver_mail, process_mail};
  for (const auto& span : all) {
    EXPECT_EQ(span.traceId, root.traceId) << span.name;
    EXPECT_LE(std::stoull(span.startTimeUnixNano), std::stoull(span.endTimeUnixNano)) << span.name;
    EXPECT_EQ(span.status.code, 0) << span.name;
  }
  EXPECT_EQ(root.parentSpanId, "");
  EXPECT_EQ(publish.parentSpanId, root.spanId);
  EXPECT_EQ(deliver.parentSpanId, publish.spanId);
  EXPECT_EQ(process.parentSpanId, deliver.spanId);
  EXPECT_EQ(enqueue.parentSpanId, process.spanId);
  EXPECT_EQ(relay.parentSpanId, enqueue.spanId);
  EXPECT_EQ(deliver_mail.parentSpanId, enqueue.spanId);
  EXPECT_EQ(process_mail.parentSpanId, deliver_mail.spanId);
  EXPECT_EQ(publish.service, "shop");
  EXPECT_EQ(process.service, "stock");
  EXPECT_EQ(process_mail.service, "mail");
  EXPECT_EQ(root.kind, 2);
  EXPECT_EQ(publish.kind, 4);
  EXPECT_EQ(process.kind, 5);
  EXPECT_EQ(publish.attribute("messaging.operation.type"), "send");
  EXPECT_EQ(enqueue.attribute("messaging.operation.type"), "create");
  EXPECT_EQ(deliver.attribute("messaging.operation.type"), "receive");
  EXPECT_EQ(process.attribute("messaging.operation.type"), "process");
  EXPECT_EQ(process.attribute("messaging.destination.name"), "orders");
  EXPECT_EQ(process.attribute("messaging.consumer.group.name"), "stock.reserve");
  EXPECT_EQ(process.attribute("messaging.message.id"), publish.attribute("messaging.message.id"));
  EXPECT_EQ(deliver.attribute("messaging.destination.partition.id"), "0");
  EXPECT_TRUE(collector_.heads().front().contains("api-key: secret one\r\n")) << collector_.heads().front();
  EXPECT_TRUE(shop.metrics().text().contains("\ntidings_publish_duration_seconds_count 1\n")) << shop.metrics().text();
}

TEST_F(TracedTest, a_sagas_step_and_the_commands_that_it_sends_are_in_the_trace_of_the_event) {
  auto& shop = make("shop", {}, true);
  shop.saga(saga::shop::checkout());
  start();
  shop.publish(saga::shop::OrderPlaced{"7", 100, false}).or_throw();
  const auto publish = only("publish orders");
  const auto process = only("process orders");
  const auto step = only("saga checkout");
  EXPECT_EQ(step.parentSpanId, process.spanId);
  for (const std::string topic : {"stock-commands", "payment-commands"}) {
    const auto enqueue = only("enqueue " + topic);
    EXPECT_EQ(enqueue.traceId, publish.traceId);
    EXPECT_EQ(enqueue.parentSpanId, process.spanId) << tree();
    EXPECT_EQ(enqueue.attribute("messaging.operation.type"), "create");
    EXPECT_EQ(only("relay " + topic).parentSpanId, enqueue.spanId) << tree();
  }
}

TEST_F(TracedTest, each_attempt_is_a_span_and_failures_say_why) {
  auto& shop = make("shop");
  std::atomic<int> failures = 2;
  shop.on("pay", {}, [&](const Order&) -> Result<> {
    return failures-- > 0 ? Result<>{Error{"busy", "not now", Retry::same_call}} : Result<>{};
  });
  start();
  shop.publish(Order{"a", 1}).or_throw();
  ASSERT_TRUE(eventually([&] { return named("process orders").size() == 3; })) << tree();
  const auto deliver = only("deliver orders");
  int failed = 0;
  for (const auto& span : named("process orders")) {
    EXPECT_EQ(span.parentSpanId, deliver.spanId);
    failed += span.status.code == 2 && span.attribute("error.type") == "busy" ? 1 : 0;
  }
  EXPECT_EQ(failed, 2);
}

TEST_F(TracedTest, a_batch_is_a_trace_of_its_own_with_links_to_its_events) {
  auto& shop = make("shop");
  shop.on("pay", {.batch_wait = 1s}, [&](const Batch<Order>&) {});
  shop.publish_all(std::vector<Order>{{"a", 1}, {"b", 2}, {"c", 3}}).or_throw();
  start();
  const auto process = only("process orders");
  ASSERT_TRUE(eventually([&] { return named("deliver orders").size() == 3; })) << tree();
  EXPECT_EQ(process.parentSpanId, "");
  EXPECT_EQ(process.attribute("messaging.batch.message_count"), "3");
  std::vector<std::string> links, delivered;
  for (const auto& link : process.links) links.push_back(link.spanId);
  for (const auto& span : named("deliver orders")) delivered.push_back(span.spanId);
  std::ranges::sort(links), std::ranges::sort(delivered);
  EXPECT_EQ(links, delivered);
}

TEST_F(TracedTest, what_is_not_sampled_is_not_sent_here_nor_by_who_follows) {
  auto& shop = make("shop", {{"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "0"}});
  std::atomic<int> handled = 0;
  make("mail").on("send", {}, [&](const Order&) { ++handled; });
  start();
  for (int number = 0; number < 20; ++number) shop.publish(Order{"a", number}).or_throw();
  ASSERT_TRUE(eventually([&] { return handled == 20; }));
  stop();
  EXPECT_EQ(collector_.spans().size(), 0U) << tree();
}

TEST_F(TracedTest, a_collector_that_is_away_or_silent_holds_nothing_up_and_what_is_lost_is_counted) {
  collector_.status = 503;
  collector_.is_silent = true;
  auto& shop = make("shop", {{"OTEL_BSP_MAX_QUEUE_SIZE", "100"}, {"OTEL_EXPORTER_OTLP_TIMEOUT", "50"}});
  std::atomic<int> handled = 0;
  shop.on("pay", {}, [&](const Order&) { ++handled; });
  start();
  for (int number = 0; number < 1'000; ++number) shop.publish(Order{"k" + std::to_string(number), number}).or_throw();
  ASSERT_TRUE(eventually([&] { return handled == 1'000; }));
  EXPECT_TRUE(eventually([&] { return shop.tracer().counts().dropped_away > 0; }));
  EXPECT_GT(shop.tracer().counts().dropped_full, 0U);
  EXPECT_TRUE(shop.metrics().text().contains("tidings_trace_dropped_spans_total{reason=\"queue_full\"}"));
  EXPECT_EQ(lines_.count("traces are lost"), 1U) << lines_.all();
  collector_.is_silent = false;
  collector_.status = 200;
  EXPECT_TRUE(eventually([&] {
    shop.publish(Order{"late", 1}).or_throw();
    return shop.tracer().counts().exported > 0;
  }));
}

TEST_F(TracedTest, wrong_settings_are_told_and_the_service_runs_without) {
  auto& shop = make("shop", {{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"}});
  EXPECT_FALSE(shop.tracer().is_on());
  EXPECT_EQ(lines_.count("no traces: OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' is no http://HOST:PORT"), 1U)
      << lines_.all();
}

}  // namespace
}  // namespace tidings::service
