// A database that is killed and comes back, again and again, while a service's handlers and its relay are at work:
// effects once, and nothing lost. TORTURE_ROUNDS / 20 kills.
#include <random>

#include "testing/servers/needs_server.hpp"
#include "testing/servers/postgres_server.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tests/outbox/faults.hpp"
#include "tidings/service/service.hpp"

namespace tidings::outbox {
namespace {

struct Ordered {
  std::string id;
  static constexpr tidings::traits<Ordered> event{.name = "test.ordered", .topic = "ordered", .key = &Ordered::id};
};
struct Booked {
  std::string id;
  static constexpr tidings::traits<Booked> event{.name = "test.booked", .topic = "booked", .key = &Booked::id};
};

TEST(RestartsTest, ADatabaseThatIsKilledUnderLoadLosesAndDoublesNothing) {
  TIDINGS_NEEDS_SERVER(testing::postgres_is_there());
  const auto torture = crash::Torture::from_environment(60);
  torture.print("restarts");
  const auto folder = testing::TemporaryFolder::make("restarts").or_throw();
  const auto server = testing::start_postgres_server().or_throw();
  Silent silent;
  auto broker = open_broker("log:" + folder.path() + "/log", {.log = &silent}).or_throw();
  auto store = open_store(testing::postgres_url(*server), {.log = &silent}).or_throw();
  {
    auto tx = store->begin(10s).or_throw();
    tx->execute("create table done(id text not null, handler text not null)").or_throw();
    tx->commit().or_throw();
  }
  auto service =
      Service::create({.name = "books", .broker = broker.get(), .store = store.get(), .log = &silent}).or_throw();
  const auto write = [](Transaction& tx, const std::string& id, const char* handler) -> Result<> {
    auto written = tx.execute("insert into done values ($1, $2)", id, handler);
    return written ? Result<>{} : written.error();
  };
  service.on("single", {.concurrency = 4}, [&](const Ordered& event, Context& context, Transaction& tx) -> Result<> {
    if (auto written = write(tx, event.id, "single"); !written) return written;
    return context.publish(Booked{event.id});
  });
  service.on("batch", {.batch_max = 50}, [&](const Batch<Ordered>& all, Transaction& tx) -> Result<> {
    for (const auto& one : all)
      if (auto written = write(tx, one.event.id, "batch"); !written) return written;
    return {};
  });
  std::jthread running([&] { EXPECT_EQ(service.run(), 0); });

  std::atomic<std::int64_t> published = 0;
  std::jthread publisher([&](const std::stop_token& stop) {
    auto other = open_broker("log:" + folder.path() + "/log", {.log = &silent}).or_throw();
    while (!stop.stop_requested()) {
      const auto envelope = make_envelope(Ordered{std::to_string(published)}, {.source = "test"}).or_throw();
      const std::array views{envelope.view()};
      other->publish("ordered", views).or_throw();
      ++published;
      std::this_thread::sleep_for(1ms);
    }
  });
  std::mt19937_64 chance(torture.seed);
  const auto kills = std::max<std::uint64_t>(torture.rounds / 20, 3);
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + chance() % 400));
    server->kill();
    std::this_thread::sleep_for(std::chrono::milliseconds(chance() % 300));
    server->restart().or_throw();
  }
  publisher.request_stop();
  publisher.join();

  const auto count = [&](const std::string& query) {
    auto tx = store->begin(30s).or_throw();
    return tx->query_one<std::int64_t>(query).or_throw().value_or(-1);
  };
  const auto back = std::chrono::steady_clock::now();
  const auto until = back + 120s;
  while (std::chrono::steady_clock::now() < until &&
         (count("select count(*) from done") < 2 * published || count("select count(*) from tidings_outbox") > 0))
    std::this_thread::sleep_for(50ms);
  std::printf("all of it was done %.1f s after the last restart\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - back).count());
  std::this_thread::sleep_for(100ms);  // what came twice would come now
  for (const auto* const handler : {"single", "batch"}) {
    const auto where = " where handler = '" + std::string(handler) + "'";
    EXPECT_EQ(count("select count(*) from done" + where), published);
    EXPECT_EQ(count("select count(distinct id) from done" + where), published);
  }
  service.stop();
  running.join();
  std::map<std::string, int> booked;
  auto reader = broker->subscribe("booked", {.group = {}, .in_flight_max = 1'000'000}).or_throw();
  while (true) {
    const auto some = reader->fetch(1000, 100ms).or_throw();
    if (some.empty()) break;
    for (const auto& one : some) ++booked[std::string(one.envelope.key)];
  }
  EXPECT_EQ(static_cast<std::int64_t>(booked.size()), published);
  for (const auto& [id, times] : booked) EXPECT_EQ(times, 1) << id;
  std::printf("%llu kills, %lld events\n", static_cast<unsigned long long>(kills),
              static_cast<long long>(published.load()));
}

}  // namespace
}  // namespace tidings::outbox
