#include "tidings/service/service.hpp"

#include <random>

#include "service/testing.hpp"

namespace tidings::service {

struct Unnamed {
  std::string id;
  static constexpr tidings::traits<Unnamed> event{.key = &Unnamed::id};
};

namespace {

using namespace std::chrono_literals;

const Backoff quick{.immediate = 2, .delayed = 3, .first = 1ms, .longest = 2ms};

struct Keyless {
  int number = 0;
  static constexpr tidings::traits<Keyless> event{.name = "test.keyless"};
};
/// The price of something: v1 in pounds; v2 in pence, and reads v1; v3 says the currency, and reads v2; v5 reads
/// nothing before it.
namespace v1 {
struct Price {
  std::string id;
  std::int64_t pounds = 0;
  static constexpr tidings::traits<Price> event{.name = "test.price", .topic = "prices", .key = &Price::id};
};
}  // namespace v1
namespace v2 {
struct Price {
  std::string id;
  std::int64_t pence = 0;
  static constexpr tidings::traits<Price> event{
      .name = "test.price", .version = 2, .topic = "prices", .key = &Price::id};
  static Price upcast(const v1::Price& old) { return {old.id, old.pounds * 100}; }
};
}  // namespace v2
namespace v3 {
struct Price {
  std::string id;
  std::string amount;
  static constexpr tidings::traits<Price> event{
      .name = "test.price", .version = 3, .topic = "prices", .key = &Price::id};
  static Price upcast(const v2::Price& old) { return {old.id, std::to_string(old.pence) + " GBp"}; }
};
}  // namespace v3
namespace v5 {
struct Price {
  std::string id;
  static constexpr tidings::traits<Price> event{
      .name = "test.price", .version = 5, .topic = "prices", .key = &Price::id};
};
}  // namespace v5
struct Double {
  std::string id;
  static constexpr tidings::traits<Double> event{.name = "test.order", .topic = "orders", .key = &Double::id};
};

/// Versions of one event: `Third` reads what `Second` reads.
struct First {
  std::string id;
  static constexpr tidings::traits<First> event{.name = "test.versioned", .key = &First::id};
};
struct Second {
  std::string id;
  static constexpr tidings::traits<Second> event{.name = "test.versioned", .version = 2, .key = &Second::id};
};
struct Third {
  std::string id;
  static constexpr tidings::traits<Third> event{.name = "test.versioned", .version = 3, .key = &Third::id};
  static Third upcast(const Second& old) { return {old.id + " upcast"}; }
};
struct OtherSecond {
  std::string id;
  static constexpr tidings::traits<OtherSecond> event{.name = "test.versioned", .version = 2, .key = &OtherSecond::id};
};

TEST_F(ServiceTest, handles_what_is_published) {
  Record<std::string> seen;
  auto& service = make();
  service.on("take", {}, [&](const Order& order) { seen.add(order.id); });
  const auto running = start();
  ASSERT_TRUE(service.publish(Order{"a", 1}));
  ASSERT_TRUE(service.publish_all(std::vector{Order{"b", 2}, Order{"c", 3}}));
  ASSERT_TRUE(seen.wait(3)) << lines_.all();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(stop(), 0);
  EXPECT_EQ(group("orders", "test.take").handled, 3U);
}

TEST_F(ServiceTest, takes_every_shape_of_handler) {
  struct Inventory {
    Record<std::string> seen;
    Result<> reserve(const Order& order, Context& context) {
      seen.add(order.id + "@" + std::string(context.place().topic));
      return {};
    }
  };
  struct Warehouse : Inventory {
  } inventory;
  struct Both {
    Record<std::string>* seen;
    void operator()(const Order& order) const { seen->add("order " + order.id); }
    void operator()(const Cancelled& cancelled, Context&) const { seen->add("cancelled " + cancelled.id); }
  };
  Record<std::string> both;
  Record<std::size_t> batches;
  auto& service = make();
  service.on("member", {}, &Inventory::reserve, &inventory)
      .on<Order, Cancelled>("both", {}, Both{&both})
      .on("batch", {}, [&](const Batch<Order, Cancelled>& batch) -> Result<> {
        for (const auto& item : batch) EXPECT_EQ(item.context.envelope().key, "a");
        batches.add(batch.size());
        return {};
      });
  publish(Order{"a", 1});
  publish(Cancelled{"a"});
  const auto running = start();
  ASSERT_TRUE(inventory.seen.wait(1));
  ASSERT_TRUE(both.wait(2));
  ASSERT_TRUE(caught_up("orders", "test.batch"));
  ASSERT_TRUE(caught_up("orders", "test.member"));
  EXPECT_EQ(inventory.seen.values(), std::vector<std::string>{"a@orders"});
  EXPECT_EQ(both.values(), (std::vector<std::string>{"order a", "cancelled a"}));
  EXPECT_EQ(batches.values(), std::vector<std::size_t>{2});
  EXPECT_EQ(service.stats("member")->ignored, 1U);
  EXPECT_EQ(service.stats("both")->ignored, 0U);
}

TEST_F(ServiceTest, warns_once_of_a_type_that_no_handler_takes) {
  auto& service = make();
  service.on("orders", {}, [](const Order&) { return Result<>{}; });
  service.on("cancelled", {}, [](const Cancelled&) { return Result<>{}; });
  for (const auto* type : {"test.ordr", "test.ordr", "test.order", "test.inter"}) {
    auto envelope = *make_envelope(Order{"a", 1});
    envelope.type = type;
    publish_raw("orders", envelope);
  }
  publish(Cancelled{"a"});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.orders"));
  ASSERT_TRUE(caught_up("orders", "test.cancelled"));
  EXPECT_EQ(service.stats("orders")->ignored, 4U);
  EXPECT_EQ(lines_.count("test: no handler takes events of type test.ordr, which come on topic orders; they are "
                         "ignored; is test.order meant?"),
            1U);
  EXPECT_EQ(lines_.count("meant?"), 1U) << lines_.all();
  EXPECT_EQ(lines_.count("no handler takes"), 2U) << lines_.all();
}

TEST_F(ServiceTest, keeps_the_order_of_a_key_over_failures_and_lanes) {
  constexpr std::int64_t events = 400;
  constexpr int keys = 7;
  std::mutex mutex;
  std::mt19937 random(7);
  std::map<std::string, std::vector<std::int64_t>> handled;
  std::map<std::string, int> inside;
  for (std::int64_t number = 0; number < events; ++number) publish(Order{"k" + std::to_string(number % keys), number});
  auto& service = make();
  service.on("take", {.concurrency = 8, .retry = {.immediate = 5, .delayed = 50, .first = 1ms, .longest = 2ms}},
             [&](const Order& order) -> Result<> {
               bool fails = false;
               {
                 const std::scoped_lock lock(mutex);
                 EXPECT_EQ(inside[order.id]++, 0) << "two events of " << order.id << " at once";
                 fails = random() % 4 == 0;
               }
               std::this_thread::yield();
               const std::scoped_lock lock(mutex);
               --inside[order.id];
               if (fails) return Error{"away", "try again", Retry::same_call};
               handled[order.id].push_back(order.number);
               return {};
             });
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  stop();
  std::size_t sum = 0;
  for (const auto& [key, numbers] : handled) {
    EXPECT_TRUE(std::ranges::is_sorted(numbers)) << key;
    sum += numbers.size();
  }
  EXPECT_EQ(sum, static_cast<std::size_t>(events));
  EXPECT_GT(service.stats("take")->failed, 50U);
}

/// Says as which version each event was handled.
struct Versions {
  Record<std::string>* seen;
  void operator()(const v1::Price& price) const { seen->add("v1 " + std::to_string(price.pounds)); }
  void operator()(const v2::Price& price) const { seen->add("v2 " + std::to_string(price.pence)); }
  void operator()(const v3::Price& price) const { seen->add("v3 " + price.amount); }
  void operator()(const v5::Price&) const { seen->add("v5"); }
};

TEST_F(ServiceTest, a_handler_of_several_versions_gets_each_as_the_one_that_reads_it) {
  const auto handled_as = [&]<class... Events>(const char* name) {
    Record<std::string> seen;
    make().on<Events...>(name, {.concurrency = 1, .after_parked = AfterParked::go_on}, Versions{&seen});
    const auto running = start();
    EXPECT_TRUE(caught_up("prices", "test." + std::string(name)));
    stop();
    return seen.values();
  };
  const auto dead = [&](const char* name) {
    std::vector<std::string> codes;
    for (const auto& letter : letters("test." + std::string(name) + ".dead-letters"))
      codes.push_back(std::to_string(letter.version) + ": " + std::string(*letter.headers.get(dead_letter::reason)));
    return codes;
  };
  using Seen = std::vector<std::string>;
  publish(v1::Price{"a", 1});
  publish(v2::Price{"a", 2});
  publish(v3::Price{"a", "3 GBp"});
  publish(v5::Price{"a"});
  // Both orders: it is the version that counts, not which is named first.
  EXPECT_EQ((handled_as.operator()<v1::Price, v2::Price, v3::Price, v5::Price>("all")),
            (Seen{"v1 1", "v2 2", "v3 3 GBp", "v5"}));
  EXPECT_EQ((handled_as.operator()<v5::Price, v3::Price, v2::Price, v1::Price>("all-turned")),
            (Seen{"v1 1", "v2 2", "v3 3 GBp", "v5"}));
  EXPECT_EQ((handled_as.operator()<v2::Price, v3::Price>("newest-upcasts")), (Seen{"v3 100 GBp", "v2 2", "v3 3 GBp"}));
  ASSERT_EQ(dead("newest-upcasts").size(), 1U);
  EXPECT_EQ(dead("newest-upcasts")[0].substr(0, 52), "5: version 5 of test.price is newer than version 3, ");
  EXPECT_EQ((handled_as.operator()<v5::Price, v2::Price>("gap")), (Seen{"v2 100", "v2 2", "v5"}));
  ASSERT_EQ(dead("gap").size(), 1U);
  EXPECT_EQ(dead("gap")[0].substr(0, 2), "3:");
}

TEST_F(ServiceTest, runs_as_many_at_once_as_it_is_told_and_no_more) {
  constexpr int lanes = 3;
  constexpr std::int64_t events = 200;
  std::mutex mutex;
  std::condition_variable entered;
  int inside = 0;
  int most = 0;
  for (std::int64_t number = 0; number < events; ++number) publish(Order{"k" + std::to_string(number), number});
  make().on("take", {.concurrency = lanes}, [&](const Order&) {
    {
      std::unique_lock lock(mutex);
      most = std::max(most, ++inside);
      entered.notify_all();
      // Until all lanes have been seen busy, an event stays; then one more would have come in beside it.
      EXPECT_TRUE(entered.wait_for(lock, 30s, [&] { return most >= lanes; }));
    }
    std::this_thread::sleep_for(1ms);
    const std::scoped_lock lock(mutex);
    --inside;
  });
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(most, lanes);
}

TEST_F(ServiceTest, parks_after_the_last_attempt_with_its_reason) {
  Record<int> attempts;
  auto& service = make();
  service.on("take", {.retry = quick}, [&](const Order&, Context& context) -> Result<> {
    attempts.add(context.attempt());
    return Error{"away", "the database\nis away", Retry::same_call};
  });
  const auto sent = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  publish_raw("orders", sent);
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  stop();
  EXPECT_EQ(attempts.values(), (std::vector{1, 2, 3, 4, 5, 6}));
  const auto dead = letters("test.take.dead-letters");
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].id, sent.id);
  EXPECT_EQ(dead[0].key, "a");
  EXPECT_EQ(dead[0].payload, sent.payload);
  EXPECT_EQ(dead[0].time, sent.time);
  EXPECT_EQ(dead[0].headers.get(dead_letter::reason), "the database\\x0Ais away");
  EXPECT_EQ(dead[0].headers.get(dead_letter::code), "away");
  EXPECT_EQ(dead[0].headers.get(dead_letter::attempts), "6");
  EXPECT_EQ(dead[0].headers.get(dead_letter::topic), "orders");
  EXPECT_EQ(dead[0].headers.get(dead_letter::partition), "0");
  EXPECT_EQ(dead[0].headers.get(dead_letter::offset), "0");
  EXPECT_EQ(dead[0].headers.get(dead_letter::group), "test.take");
  EXPECT_TRUE(parse_rfc3339(*dead[0].headers.get(dead_letter::time)));
  EXPECT_EQ(group("orders", "test.take").parked, 1U);
}

TEST_F(ServiceTest, refuses_to_start_with_what_is_wrong) {
  const auto refused = [&](auto register_handlers, const char* message) {
    lines_.clear();
    register_handlers(make());
    service_->stop();  // where it is not refused
    EXPECT_EQ(service_->run(), 1);
    EXPECT_EQ(lines_.all(), std::string("test: ") + message + "\n");
  };
  const auto nothing = [](const Order&) {};
  refused([&](Service& service) { service.on("a", {}, nothing).on("a", {}, nothing); },
          "there are two handlers 'a' in this service; each is a group of its own");
  refused([&](Service& service) { service.on("a.b", {}, nothing); },
          "handler 'a.b' must have no dot in its name; settings are nested by them");
  refused(
      [](Service& service) { service.on("a", {}, [](const Keyless&) {}); },
      "handler 'a' keeps order by key, but test.keyless has none; name its .key, or say .key = tidings::unordered, in "
      "its traits");
  refused([&](Service& service) { service.on("a", {.concurrency = 0}, nothing); },
          "handler 'a': concurrency must be from 1 to 256");
  refused([&](Service& service) { service.on("a", {.settle_within = 299ms}, nothing); },
          "handler 'a': settle_within must be 300ms at least");
  refused([&](Service& service) { service.on("a", {.retry = {.first = -1s}}, nothing); },
          "handler 'a': the pauses of retries cannot be negative");
}

TEST_F(ServiceTest, refuses_to_start_with_two_types_of_one_name_and_version) {
  const auto told = [&](auto register_handlers) {
    lines_.clear();
    register_handlers(make());
    service_->stop();
    const auto status = service_->run();
    EXPECT_EQ(status, lines_.count("are both called") == 1 ? 1 : 0);
    return lines_.all();
  };
  const auto both =
      told([](Service& service) { service.on("a", {}, [](const Order&) {}).on("b", {}, [](const Double&) {}); });
  EXPECT_EQ(both, "test: the types " + std::string(type_name<Order>) + " and " + std::string(type_name<Double>) +
                      " are both called test.order version 1; rename one in its traits\n");
  EXPECT_NE(both.find("tidings::service::Order"), both.npos);
  EXPECT_NE(both.find("Double"), both.npos);
  const auto in_one = told([](Service& service) { service.on<Order, Double>("a", {}, [](const auto&) {}); });
  EXPECT_EQ(in_one, both);
  // What an upcast takes has a name and a version too.
  const auto older =
      told([](Service& service) { service.on("a", {}, [](const Third&) {}).on("b", {}, [](const OtherSecond&) {}); });
  EXPECT_NE(older.find("are both called test.versioned version 2"), older.npos) << older;
  const auto fine = told([](Service& service) {
    service.on("a", {}, [](const Third&) {}).on("b", {}, [](const Second&) {}).on("c", {}, [](const First&) {});
  });
  EXPECT_EQ(fine.find("are both called"), fine.npos) << fine;
}

TEST_F(ServiceTest, an_event_goes_to_its_version) {
  Record<std::string> seen;
  make().on<Third, First>("take", {}, [&]<class Event>(const Event& event) {
    seen.add(event.id + (std::is_same_v<Event, First> ? " by First" : " by Third"));
  });
  publish(First{"a"});
  publish(Second{"b"});
  publish(Third{"c"});
  const auto running = start();
  ASSERT_TRUE(seen.wait(3));
  auto values = seen.values();
  std::ranges::sort(values);
  EXPECT_EQ(values, (std::vector<std::string>{"a by First", "b upcast by Third", "c by Third"}));
}

TEST_F(ServiceTest, refuses_settings_of_a_handler_that_is_not_there) {
  make({.settings = {{"handlers.reserv.concurrency", "2"}}}).on("reserve", {}, [](const Order&) {});
  EXPECT_EQ(service_->run(), 2);
  EXPECT_EQ(lines_.all(), "test: handlers.reserv.concurrency: there is no handler 'reserv'; did you mean 'reserve'?\n");
}

TEST_F(ServiceTest, settings_override_the_options_of_a_handler) {
  auto& service = make({.settings = {{"handlers.take.retry.immediate", "0"}, {"handlers.take.retry.delayed", "0"}}});
  service.on("take", {}, [](const Order&) -> Result<> { return Error{"away", "", Retry::same_call}; });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(service.stats("take")->failed, 1U);
}

TEST_F(ServiceTest, a_namespace_stands_before_topics_and_groups) {
  Record<std::string> seen;
  auto& service = make({.settings = {{"namespace", "run-1"}}});
  service
      .on("take", {},
          [&](const Order& order, Context& context) -> Result<> {
            seen.add(std::string(context.place().topic));
            return context.publish(Confirmed{order.id, {}});
          })
      .on("park", {}, [](const Order&) -> Result<> { return Error{"no", "never"}; });
  const auto running = start();
  ASSERT_TRUE(service.publish(Order{"a", 1}));
  ASSERT_TRUE(seen.wait(1));
  ASSERT_TRUE(caught_up("run-1.orders", "run-1.test.take"));
  ASSERT_TRUE(caught_up("run-1.orders", "run-1.test.park"));
  EXPECT_EQ(seen.values(), std::vector<std::string>{"orders"});
  EXPECT_EQ(read("run-1.mails").size(), 1U);
  EXPECT_EQ(letters("run-1.test.park.dead-letters").size(), 1U);
  EXPECT_EQ(read("orders").size(), 0U);
}

TEST_F(ServiceTest, refuses_bad_names_and_settings_as_it_is_made) {
  EXPECT_EQ(Service::create({.name = "../x", .broker = broker_.get()}).error().code, "invalid_name");
  EXPECT_EQ(Service::create({.name = "x", .broker = broker_.get(), .settings = {{"lanes", "0"}}}).error().code,
            "invalid_setting");
  EXPECT_EQ(Service::create({.name = "x", .broker_url = "carrier-pigeon:"}).error().code, "unknown_broker");
}

TEST_F(ServiceTest, warns_of_names_that_come_from_cpp_on_a_durable_broker) {
  const auto names = [&] {
    lines_.clear();
    make().on("a", {}, [](const Unnamed&) {}).on("b", {}, [](const Unnamed&) {}).on("c", {}, [](const Order&) {});
    service_->stop();
    EXPECT_EQ(service_->run(), 0);
    return lines_.count("has its C++ name on a durable broker");
  };
  EXPECT_EQ(names(), 0U);
  broker_->claim_persistent();
  EXPECT_EQ(names(), 1U);
}

TEST_F(ServiceTest, a_handlers_publications_have_the_clock_of_the_service) {
  ManualClock clock(TimePoint{std::chrono::hours{24 * 365}});
  use_clock(clock);
  make().on("take", {}, [](const Order& order, Context& context) { return context.publish(Confirmed{order.id, {}}); });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(read("mails").at(0).time, clock.now());
}

TEST_F(ServiceTest, a_stop_before_run_ends_it_at_once) {
  make().on("take", {}, [](const Order&) {});
  service_->stop();
  EXPECT_EQ(service_->run(), 0);
  EXPECT_EQ(lines_.count("started on"), 1U);
  EXPECT_EQ(lines_.count("stopped"), 1U);
}

TEST_F(ServiceTest, runs_once) {
  make().on("take", {}, [](const Order&) {});
  service_->stop();
  EXPECT_EQ(service_->run(), 0);
  lines_.clear();
  EXPECT_EQ(service_->run(), 1);
  EXPECT_EQ(lines_.all(), "test: a service runs once, and this one has; make another\n");
}

TEST_F(ServiceTest, says_which_broker_it_runs_on) {
  make();
  service_->stop();
  EXPECT_EQ(service_->run(), 0);
  EXPECT_EQ(lines_.count("started on a broker that the program opened"), 1U) << lines_.all();
  lines_.clear();
  auto own = Service::create({.name = "test", .broker_url = "memory:", .log = &lines_}).or_throw();
  own.stop();
  EXPECT_EQ(own.run(), 0);
  EXPECT_EQ(lines_.count("started on memory:,"), 1U) << lines_.all();
}

}  // namespace
}  // namespace tidings::service
