// A service as who operates it sees it: /healthz, /readyz and /metrics, whatever is away, and however busy it is.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ops/testing.hpp"
#include "saga/testing.hpp"
#include "service/testing.hpp"
#include "testing/servers/keys.hpp"
#include "testing/servers/needs_server.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/outbox/enqueue.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

/// A broker that can be away, and whose groups may say what a test wants them to say.
class Faulty final : public Wrapped {
 public:
  using Wrapped::Wrapped;
  Result<TopicInfo> topic(std::string_view name) override {
    if (is_away) return Error{"unreachable", "no route to host", Retry::same_call};
    return Wrapped::topic(name);
  }
  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options = {}) override {
    if (refuses) return Error{"unreachable", "no route to host", Retry::same_call};
    return Wrapped::publish(topic, events, options);
  }
  Result<std::vector<GroupInfo>> groups(std::string_view topic) override {
    ++asked_for_groups;
    if (hides_groups) return Error{"unreachable", "the coordinator is away", Retry::same_call};
    auto all = Wrapped::groups(topic);
    if (all)
      for (auto& group : *all)
        for (auto& one : group.partitions) {
          if (adds > 0) one.end.value = one.position.value + adds;
          if (one.handled >= 3) one.handled -= hides;
        }
    return all;
  }
  std::atomic<bool> is_away = false;
  std::atomic<bool> refuses = false;
  std::atomic<bool> hides_groups = false;
  std::atomic<std::uint64_t> asked_for_groups = 0;
  std::atomic<std::uint64_t> adds = 0;   ///< so many events wait
  std::atomic<std::uint64_t> hides = 0;  ///< so many were not counted, of three or more
};

/// A store that can be away.
class AwayStore final : public Store {
 public:
  explicit AwayStore(std::unique_ptr<Store> store) : store_(std::move(store)) {}
  [[nodiscard]] SqlDialect dialect() const override { return store_->dialect(); }
  Result<std::unique_ptr<OpenTransaction>> begin(Duration wait_max) override {
    if (is_away) return Error{"unavailable", "the database is away", Retry::same_call};
    return store_->begin(wait_max);
  }
  Result<> close(Duration wait_max) override { return store_->close(wait_max); }
  std::atomic<bool> is_away = false;

 private:
  std::unique_ptr<Store> store_;
};

Result<> promtool_is_there() {
  if (std::system("command -v promtool >/dev/null") == 0) return {};
  return Error{"no_promtool", "promtool is missing (Debian: prometheus)"};
}

class OperatedTest : public ::testing::Test {
 protected:
  ~OperatedTest() override { stop(); }
  Service& make(ServiceOptions options = {}, bool with_store = false) {
    options.name = "shop";
    options.broker = &broker_;
    if (with_store) {
      store_ = std::make_unique<AwayStore>(open_store("sqlite:" + folder_.path() + "/shop.db").or_throw());
      options.store = store_.get();
    }
    options.clock = &clock_;
    options.log = &lines_;
    options.settings.push_back({"http.listen", "127.0.0.1:0"});
    options.settings.push_back({"metrics.every", "1s"});
    service_ = std::make_unique<Service>(Service::create(std::move(options)).or_throw());
    return *service_;
  }
  void start() {
    thread_ = std::thread([this] { status_ = service_->run(); });
    ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; })) << lines_.all();
  }
  void stop() {
    if (!thread_.joinable()) return;
    service_->stop();
    thread_.join();
  }
  std::string port() {
    const auto all = lines_.all();
    const std::string before = " on 127.0.0.1:";
    const auto at = all.find(before, all.find("answers /healthz")) + before.size();
    return all.substr(at, all.find('\n', at) - at);
  }
  ops::HttpReply get(std::string_view path) {
    return ops::http_call({.host = "127.0.0.1", .port = port(), .path = std::string(path)}, "GET", {}, "",
                          std::chrono::steady_clock::now() + 30s)
        .or_throw();
  }
  /// Until /readyz says so of the check.
  bool says(std::string_view check, std::string_view status, std::string_view why, int code) {
    const auto wanted = R"({"name":")" + std::string(check) + R"(","status":")" + std::string(status) +
                        R"(","reason":")" + std::string(why);
    return eventually([&] {
      const auto reply = get("/readyz");
      return reply.status == code && reply.body.contains(wanted);
    });
  }
  /// What `tidings_gathered_timestamp_seconds` says.
  double gathered() {
    const auto text = get("/metrics").body;
    const std::string name = "\ntidings_gathered_timestamp_seconds ";
    const auto at = text.find(name);
    return at == text.npos ? -1 : std::strtod(text.c_str() + at + name.size(), nullptr);
  }
  bool has_metric(const std::string& line) {
    return eventually([&] { return ("\n" + get("/metrics").body).contains("\n" + line + "\n"); });
  }
  template <class Event>
  void publish(const Event& event) {
    const auto envelope = make_envelope(event, {.source = "elsewhere"}).or_throw();
    const std::array views{envelope.view()};
    broker_.publish(event_topic<Event>(), views).or_throw();
  }

  testing::TemporaryFolder folder_ = testing::TemporaryFolder::make("ops").or_throw();
  ManualClock clock_{std::chrono::floor<std::chrono::seconds>(system_clock().now())};
  Lines lines_;
  Faulty broker_{open_broker("memory:", {.log = &lines_}).or_throw()};
  std::unique_ptr<AwayStore> store_;
  std::unique_ptr<Service> service_;
  std::thread thread_;
  int status_ = -1;
};

TEST_F(OperatedTest, is_alive_and_ready_and_says_of_each_what_it_depends_on) {
  auto& service = make({}, true);
  service.on("pay", {}, [](const Order&) {});
  start();
  EXPECT_EQ(get("/healthz").status, 200);
  for (const auto* const check : {"broker", "store", "handler pay", "audit", "outbox", "service"})
    EXPECT_TRUE(says(check, "up", "\"", 200)) << check << get("/readyz").body;
}

TEST_F(OperatedTest, tells_of_a_broker_and_a_store_that_are_away_and_come_back) {
  auto& service = make({}, true);
  service.on("pay", {}, [](const Order&) {});
  start();
  broker_.is_away = true;
  EXPECT_TRUE(says("broker", "down", "unreachable: no route to host", 503)) << get("/readyz").body;
  broker_.is_away = false;
  EXPECT_TRUE(says("broker", "up", "", 200)) << get("/readyz").body;
  store_->is_away = true;
  EXPECT_TRUE(says("store", "down", "unavailable: the database is away", 503)) << get("/readyz").body;
  EXPECT_EQ(get("/healthz").status, 200) << "it lives";
  store_->is_away = false;
  EXPECT_TRUE(says("store", "up", "", 200)) << get("/readyz").body;
}

TEST_F(OperatedTest, tells_of_a_relay_that_cannot_publish) {
  make({}, true);
  start();
  ASSERT_TRUE(says("outbox", "up", "", 200)) << get("/readyz").body;
  broker_.refuses = true;
  {
    auto tx = store_->begin(10s).or_throw();
    outbox::enqueue(*tx, Order{"a", 1}).or_throw();
    tx->commit().or_throw();
  }
  EXPECT_TRUE(says("outbox", "down", "waits for", 503)) << get("/readyz").body;
  EXPECT_TRUE(has_metric("tidings_outbox_backlog_events 1"));
  broker_.refuses = false;
  EXPECT_TRUE(says("outbox", "up", "", 200)) << get("/readyz").body;
  EXPECT_TRUE(has_metric("tidings_outbox_backlog_events 0"));
  EXPECT_TRUE(has_metric("tidings_outbox_relayed_events_total 1"));
  EXPECT_TRUE(has_metric("tidings_published_events_total{topic=\"orders\"} 1"));
  EXPECT_TRUE(has_metric("tidings_publish_duration_seconds_count 1"));
}

TEST_F(OperatedTest, tells_of_keys_that_cannot_be_read) {
  const auto keys = folder_.path() + "/keys";
  {
    std::ofstream file(keys);
    file << tidings::testing::key_text("2026", 1) << "\n";
  }
  const auto lets_others_read = [&](bool they_may) {
    std::filesystem::permissions(keys, std::filesystem::perms{they_may ? 0644U : 0600U});
  };
  lets_others_read(false);
  make({.settings = {{"encryption.key_file", keys}, {"encryption.reload", "50ms"}}});
  start();
  EXPECT_FALSE(get("/readyz").body.contains("encryption"));
  lets_others_read(true);
  EXPECT_TRUE(says("encryption", "degraded", "it keeps the keys that it has", 200)) << get("/readyz").body;
  lets_others_read(false);
  EXPECT_TRUE(eventually([&] { return !get("/readyz").body.contains("encryption"); }));
}

TEST_F(OperatedTest, tells_of_an_outbox_that_nobody_relays) {
  make({.settings = {{"outbox.relay", "false"}}}, true);
  start();
  {
    auto tx = store_->begin(10s).or_throw();
    outbox::enqueue(*tx, Order{"a", 1}).or_throw();
    tx->commit().or_throw();
  }
  EXPECT_TRUE(has_metric("tidings_outbox_backlog_events 1"));
  EXPECT_FALSE(get("/readyz").body.contains(R"("outbox")")) << "a relay may be on its way";
  {
    auto tx = store_->begin(10s).or_throw();
    tx->execute("update tidings_outbox set created_at = created_at - 3600000").or_throw();
    tx->commit().or_throw();
  }
  EXPECT_TRUE(says("outbox", "degraded", "1 events wait, the first for 1h", 200)) << get("/readyz").body;
}

TEST_F(OperatedTest, metrics_of_which_one_could_not_be_gathered_become_old_and_say_why) {
  auto& service = make({}, true);
  service.on("pay", {}, [](const Order&) {});
  start();
  const auto gathered_at = [&](TimePoint time) {
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
    return gathered() == static_cast<double>(since);
  };
  const auto began = clock_.now();
  ASSERT_TRUE(eventually([&] { return gathered_at(began); }));
  ASSERT_TRUE(says("metrics", "up", "", 200)) << get("/readyz").body;

  // The broker answers its check all the while.
  broker_.hides_groups = true;
  ASSERT_TRUE(says("metrics", "degraded", "lag: unreachable: the coordinator is away", 200)) << get("/readyz").body;
  clock_.advance(5min);
  const auto looked = broker_.asked_for_groups.load();
  ASSERT_TRUE(eventually([&] { return broker_.asked_for_groups > looked + 2; }));
  EXPECT_TRUE(gathered_at(began)) << "what failed is no gathering";
  broker_.hides_groups = false;
  ASSERT_TRUE(says("metrics", "up", "", 200)) << get("/readyz").body;
  EXPECT_TRUE(gathered_at(clock_.now()));

  store_->is_away = true;
  ASSERT_TRUE(says("metrics", "degraded", "outbox: unavailable: the database is away", 503)) << get("/readyz").body;
}

TEST_F(OperatedTest, tells_of_a_group_that_stands_still_and_of_events_that_nobody_accounts_for) {
  auto& service = make();
  service.on("pay", {}, [](const Order&) {});
  publish(Order{"a", 1});
  start();
  ASSERT_TRUE(
      has_metric(R"(tidings_consumer_lag_events{handler="pay",group="shop.pay",topic="orders",partition="0"} 0)"));
  broker_.adds = 5;
  ASSERT_TRUE(
      has_metric(R"(tidings_consumer_lag_events{handler="pay",group="shop.pay",topic="orders",partition="0"} 5)"));
  clock_.advance(2min);
  broker_.adds = 7;
  EXPECT_TRUE(
      says("handler pay", "down", "stands still on orders/0 for 2min, while 7 events wait, and become more", 503))
      << get("/readyz").body;
}

TEST_F(OperatedTest, tells_of_an_audit_that_does_not_add_up) {
  auto& service = make();
  service.on("pay", {}, [](const Order&) {});
  publish(Order{"a", 1});
  start();
  ASSERT_TRUE(has_metric(R"(tidings_handled_events_total{handler="pay"} 1)"));
  ASSERT_TRUE(
      has_metric(R"(tidings_audit_difference_events{handler="pay",group="shop.pay",topic="orders",partition="0"} 0)"));
  broker_.hides = 1;
  publish(Order{"b", 2});
  publish(Order{"c", 3});
  EXPECT_TRUE(says("audit", "down", "pay on orders/0: 1 events are not accounted for", 503)) << get("/readyz").body;
}

TEST_F(OperatedTest, tells_of_pauses_breakers_and_stuck_sagas) {
  auto& service = make({}, true);
  service.on("pay", {.retry = {.immediate = 0, .delayed = 100}, .breaker = {.window = 1, .share = 1, .pause = 1h}},
             [](const Order&) -> Result<> { return Error{"away", "no", Retry::same_call}; });
  service.on("mail", {}, [](const Confirmed&) {});
  service.saga(saga::shop::checkout());
  start();
  service.pause("mail").or_throw();
  EXPECT_TRUE(says("handler mail", "degraded", "it is paused", 200)) << get("/readyz").body;
  {
    auto tx = store_->begin(10s).or_throw();
    tx->execute(
          "insert into tidings_sagas(type, id, definition, status, revision, state, progress, correlation, "
          "started_at, updated_at) values ('checkout', '1', 1, 'stuck', 1, '{}', '[]', 'c', 1, 1)")
        .or_throw();
    tx->commit().or_throw();
  }
  EXPECT_TRUE(says("sagas", "degraded", "stuck, and wait for a person: 1 of checkout", 200)) << get("/readyz").body;
  EXPECT_TRUE(has_metric(R"(tidings_saga_instances{saga="checkout",status="stuck"} 1)"));
  publish(Order{"a", 1});
  EXPECT_TRUE(says("handler pay", "down", "its circuit breaker is open", 503)) << get("/readyz").body;
}

TEST_F(OperatedTest, has_metrics_and_checks_of_the_program) {
  auto& service = make();
  std::atomic<bool> warm = false;
  service.health("cache", [&]() -> Result<ops::HealthFinding> {
    if (!warm) return Error{"cold", "the cache is read"};
    return ops::HealthFinding{};
  });
  auto& mails = service.metrics().counter("shop_mails_total", "Mails that were sent.");
  start();
  EXPECT_TRUE(says("cache", "down", "cold: the cache is read", 503)) << get("/readyz").body;
  warm = true;
  EXPECT_TRUE(says("cache", "up", "", 200)) << get("/readyz").body;
  mails.add(3);
  EXPECT_TRUE(has_metric("shop_mails_total 3"));
}

TEST_F(OperatedTest, a_port_in_use_is_told_and_the_service_does_not_start) {
  ops::HttpServer other({});
  other.start().or_throw();
  make({.settings = {}});
  auto second =
      Service::create(
          {.name = "other", .broker = &broker_, .settings = {{"http.listen", other.address()}}, .log = &lines_})
          .or_throw();
  EXPECT_EQ(second.run(), 1);
  EXPECT_EQ(lines_.count("http.listen: " + other.address() + " is taken by another program"), 1U) << lines_.all();
}

TEST_F(OperatedTest, what_it_publishes_and_handles_is_counted_and_promtool_finds_nothing_wrong) {
  auto& service = make({}, true);
  std::atomic<int> failures = 1;
  service.on("pay", {}, [&](const Order& order, Context& context) -> Result<> {
    if (order.number == 2 && failures-- > 0) return Error{"busy", "once", Retry::same_call};
    if (order.number == 3) return Error{"bad", "never"};
    return context.publish(Confirmed{order.id, "yes"});
  });
  service.on("keep", {}, [](const Confirmed&, Context&, Transaction&) {});
  start();
  for (int number = 0; number < 5; ++number) service.publish(Order{"k" + std::to_string(number), number}).or_throw();
  EXPECT_TRUE(has_metric(R"(tidings_handled_events_total{handler="pay"} 4)")) << get("/metrics").body;
  for (const auto* const line :
       {R"(tidings_delivered_events_total{handler="pay"} 5)", R"(tidings_parked_events_total{handler="pay"} 1)",
        R"(tidings_retries_total{handler="pay"} 1)", R"(tidings_failed_attempts_total{handler="pay"} 2)",
        R"(tidings_published_events_total{topic="orders"} 5)", R"(tidings_published_events_total{topic="mails"} 4)"})
    EXPECT_TRUE(has_metric(line)) << line << "\n" << get("/metrics").body;
  const auto text = get("/metrics").body;
  EXPECT_TRUE(text.contains("tidings_handle_duration_seconds_bucket{handler=\"pay\",le=\"+Inf\"}")) << text;
  EXPECT_TRUE(text.contains("tidings_delivery_delay_seconds_count{handler=\"pay\"}")) << text;
  TIDINGS_NEEDS_SERVER(promtool_is_there());
  const auto file = folder_.path() + "/metrics.txt";
  std::ofstream(file) << text;
  const auto said = folder_.path() + "/said.txt";
  EXPECT_EQ(std::system(("promtool check metrics <" + file + " >" + said + " 2>&1").c_str()), 0)
      << (std::stringstream() << std::ifstream(said).rdbuf()).str();
}

/// 64 that listen to nothing, or are idle, while every processor handles: who asks is answered soon. The figure is
/// printed; the bound is far above it, since tests run on machines that do other things too.
TEST_F(OperatedTest, answers_soon_while_handlers_take_all_processors_and_64_connections_are_open) {
  auto& service = make();
  std::atomic<bool> ending = false;
  service.on("burn", {.concurrency = 8}, [&](const Tick&) {
    const auto until = std::chrono::steady_clock::now() + 20ms;
    while (std::chrono::steady_clock::now() < until && !ending) {
    }
  });
  start();
  for (int number = 0; number < 2'000; ++number) publish(Tick{number});
  std::vector<int> open;
  for (int at = 0; at < 64; ++at) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port())));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    if (at % 2 == 0) {
      EXPECT_GT(::send(fd, "GET /met", 8, MSG_NOSIGNAL), 0);
    }
    open.push_back(fd);
  }
  std::vector<double> took;
  for (int round = 0; round < 60; ++round)
    for (const auto* const path : {"/healthz", "/readyz", "/metrics"}) {
      const auto began = std::chrono::steady_clock::now();
      (void)get(path);
      took.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
    }
  ending = true;
  for (const int fd : open) ::close(fd);
  std::ranges::sort(took);
  std::printf("answers took %.1f ms p50, %.1f ms p99, %.1f ms at most\n", took[took.size() / 2],
              took[took.size() * 99 / 100], took.back());
  EXPECT_LT(took[took.size() / 2], 2'000);
}

}  // namespace
}  // namespace tidings::service
