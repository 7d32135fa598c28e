// Services that are killed over and over, at random moments and right between the commit and the acknowledgement: what
// they write and publish is there once. TORTURE_ROUNDS kills, TORTURE_SEED.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>

#include "service/testing.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

std::uint64_t number_of(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : fallback;
}

/// How its process dies.
enum class Death { anywhere, behind_a_commit };

class EffectsCrash : public ::testing::Test {
 protected:
  EffectsCrash() {
    std::printf("TORTURE_SEED=%llu TORTURE_ROUNDS=%llu\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(rounds));
    auto store = open_the_store();
    auto tx = store->begin(10s).or_throw();
    for (const auto* const table : {"orders", "mails"})
      tx->execute("create table " + std::string(table) + "(id text not null)").or_throw();
    tx->commit().or_throw();
    auto broker = open_the_broker();
    broker->create_topic("orders", {.partitions = 2, .durability = Durability::memory}).or_throw();
    broker->create_topic("mails", {.partitions = 2, .durability = Durability::memory}).or_throw();
  }

  std::unique_ptr<Store> open_the_store() {
    return open_store("sqlite:" + folder.path() + "/store.db", {.log = &lines}).or_throw();
  }
  std::unique_ptr<Broker> open_the_broker() {
    return open_broker("log:" + folder.path() + "/log", {.log = &lines}).or_throw();
  }
  void publish(std::uint64_t count) {
    auto broker = open_the_broker();
    for (std::uint64_t number = 0; number < count; ++number, ++published) {
      const auto id = std::to_string(published);
      const auto envelope =
          make_envelope(Order{id, static_cast<std::int64_t>(published)}, {.source = "test"}).or_throw();
      const std::array views{envelope.view()};
      broker->publish("orders", views).or_throw();
      if (published % 7 == 0) broker->publish("orders", views).or_throw();  // twice
    }
  }

  static Result<> write(Transaction& tx, std::string_view table, const std::string& id) {
    auto written = tx.execute("insert into " + std::string(table) + " values ($1)", id);
    return written ? Result<>{} : written.error();
  }
  /// The service of a child: what it takes from one topic it writes, and passes on to the other.
  void register_handlers(Service& service, Store& store, bool once) {
    const HandlerOptions options{.retry = {.immediate = 1000, .delayed = 0}};
    if (once) {
      service.on("take", options, [](const Order& order, Context& context, Transaction& tx) -> Result<> {
        if (auto written = write(tx, "orders", order.id); !written) return written;
        return context.publish(Confirmed{order.id, "yes"});
      });
      service.on("mail", options, [](const Batch<Confirmed>& all, Transaction& tx) -> Result<> {
        for (const auto& one : all)
          if (auto written = write(tx, "mails", one.event.id); !written) return written;
        return {};
      });
    } else {
      service.on("take", options, [&store](const Order& order) -> Result<> {
        auto tx = store.begin(10s);
        if (!tx) return tx.error();
        if (auto written = write(**tx, "orders", order.id); !written) return written;
        return (*tx)->commit();
      });
    }
  }

  /// Runs a process until all is done, or it dies. Whether it was done.
  bool run(Death death, bool may_die, bool once = true) {
    const auto dies_after = std::uniform_int_distribution<int>(0, 30'000)(chance);
    const auto dies_at = std::uniform_int_distribution<int>(0, 25)(chance);
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    if (pid == 0) {
      const rlimit none{0, 0};
      ::setrlimit(RLIMIT_CORE, &none);
      auto broker = open_the_broker();
      auto store = open_the_store();
      std::atomic<int> commits = 0;
      auto service =
          Service::create(
              {.name = "test", .broker = broker.get(), .store = store.get(), .settings = settings, .log = &lines})
              .or_throw();
      if (may_die && death == Death::behind_a_commit)
        service.use("dies", [&](DeliveryCall& call) -> Result<> {
          auto done = call.next();
          if (done && commits++ == dies_at) ::kill(::getpid(), SIGKILL);
          return done;
        });
      register_handlers(service, *store, once);
      std::jthread running([&] { (void)service.run(); });
      const bool done = eventually([&] {
        return is_handled(*broker, "orders") && (!once || (is_relayed(*store) && is_handled(*broker, "mails")));
      });
      ::_exit(done ? 0 : 1);
    }
    if (may_die && death == Death::anywhere) {
      std::this_thread::sleep_for(std::chrono::microseconds(5'000 + dies_after));
      ::kill(pid, SIGKILL);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "status " << status << "\n" << lines.all();
    return !WIFSIGNALED(status);
  }
  static bool is_handled(Broker& broker, std::string_view topic) {
    const auto groups = broker.groups(topic).or_throw();
    return !groups.empty() && groups.front().lag() == 0;
  }
  static bool is_relayed(Store& store) {
    auto tx = store.begin(10s);
    if (!tx) return false;
    const auto left = (*tx)->query_one<std::int64_t>("select count(*) from tidings_outbox");
    return left && *left == 0;
  }

  /// How many there are, and how many of them more than once.
  std::pair<std::uint64_t, std::uint64_t> written(std::string_view table) {
    auto store = open_the_store();
    auto tx = store->begin(10s).or_throw();
    const auto count = [&](const std::string& what) {
      return static_cast<std::uint64_t>(
          tx->query_one<std::int64_t>("select count(" + what + ") from " + std::string(table)).or_throw().value());
    };
    const auto all = count("*");
    const auto distinct = count("distinct id");
    return {distinct, all - distinct};
  }

  tidings::testing::TemporaryFolder folder = tidings::testing::TemporaryFolder::make("effects-crash").or_throw();
  Lines lines;
  std::uint64_t seed = number_of("TORTURE_SEED", 1);
  std::uint64_t rounds = number_of("TORTURE_ROUNDS", 40);
  std::mt19937_64 chance{seed};
  std::vector<SettingValue> settings;
  std::uint64_t published = 0;
};

TEST_F(EffectsCrash, KilledAtAnyTimeTheEffectsAreThereOnce) {
  std::uint64_t kills = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    publish(20);
    if (!run(round % 2 == 0 ? Death::anywhere : Death::behind_a_commit, true)) ++kills;
  }
  ASSERT_TRUE(run(Death::anywhere, false));
  EXPECT_EQ(written("orders"), (std::pair{published, std::uint64_t{0}}));
  EXPECT_EQ(written("mails"), (std::pair{published, std::uint64_t{0}}));
  std::map<std::string, int> mails;
  auto broker = open_the_broker();
  auto reader = broker->subscribe("mails", {}).or_throw();
  while (true) {
    const auto got = reader->fetch(1000, 50ms).or_throw();
    if (got.empty()) break;
    for (const auto& one : got) ++mails[std::string(one.envelope.key)];
  }
  EXPECT_EQ(mails.size(), published);
  for (const auto& [key, times] : mails) EXPECT_EQ(times, 1) << key;
  std::printf("%llu kills, %llu events\n", static_cast<unsigned long long>(kills),
              static_cast<unsigned long long>(published));
  EXPECT_GT(kills, rounds / 4);
}

TEST_F(EffectsCrash, WhatAKilledServicesRelayHeldIsPublishedAfterItsLease) {
  settings = {{"outbox.lease", "1s"}};
  publish(60);
  ASSERT_FALSE(run(Death::behind_a_commit, true));
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(run(Death::anywhere, false));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 7s) << "it was no less than the lease that it has by itself";
}

/// The counter-proof: without the transaction of the delivery some effects are there twice.
TEST_F(EffectsCrash, WithoutATransactionOfTheDeliverySomeAreThereTwice) {
  std::uint64_t twice = 0;
  for (int round = 0; round < 50 && twice == 0; ++round) {
    publish(20);
    run(Death::behind_a_commit, true, false);
    twice = written("orders").second;
  }
  EXPECT_GT(twice, 0U);
}

}  // namespace
}  // namespace tidings::service
