// Transactions that commit in any order, or not at all, while relays look: what was committed is in the log, once and
// in the order of its key.
#include <atomic>
#include <random>

#include "tests/outbox/faults.hpp"

namespace tidings::outbox {
namespace {

class CommitsTest : public FaultsTest {
 protected:
  /// `id > last`, as it is written by hand. How many events it has seen.
  class NaivePoller {
   public:
    explicit NaivePoller(const Tables& tables) : tables_(tables) {}
    void poll(Store& store) {
      auto tx = store.begin(10s).or_throw();
      const auto ids =
          tx->query<std::int64_t>("select id from " + tables_.name("outbox_archive") + " where id > $1 union all " +
                                      "select id from " + tables_.name("outbox") + " where id > $1 order by 1",
                                  last_)
              .or_throw();
      seen_ += ids.size();
      if (!ids.empty()) last_ = ids.back();
    }
    [[nodiscard]] std::size_t seen() const { return seen_; }

   private:
    const Tables& tables_;
    std::int64_t last_ = 0;
    std::size_t seen_ = 0;
  };
};
INSTANTIATE_TEST_SUITE_P(Stores, CommitsTest, ::testing::Values("sqlite", "postgres"));

/// All orders in which four transactions commit that have taken their ids in one order, each of them committed or not;
/// after each commit the relays have looked, and found nothing more.
TEST_P(CommitsTest, InEveryOrderUnderThreeRelays) {
  std::vector<OwnRelay> relays;
  for (int relay = 0; relay < 3; ++relay) {
    auto own = OwnRelay{.store = open_again(), .broker = open_log(), .relay = nullptr};
    own.relay =
        Relay::start(*own.store, *own.broker, {.tables = tables_, .archive_for = Duration::max(), .log = &silent()})
            .or_throw();
    relays.push_back(std::move(own));
  }
  NaivePoller naive(tables_);
  const auto looker = open_again();  // the store's own connections are all taken
  const auto waiting = [&](Store& store) {
    auto tx = store.begin(10s).or_throw();
    return tx->query_one<std::int64_t>("select count(*) from " + tables_.name("outbox")).or_throw().value_or(-1);
  };
  std::array<int, 4> order{0, 1, 2, 3};
  std::size_t committed = 0;
  do {
    for (unsigned commits = 0; commits < 16; ++commits) {
      std::array<std::unique_ptr<OpenTransaction>, 4> open;
      const auto begin = [&](int one) {
        const auto at = static_cast<std::size_t>(one);
        open[at] = store_->begin(10s).or_throw();
        for (int event = 0; event < 2; ++event) put_next(*open[at], "key-" + std::to_string(one)).or_throw();
      };
      // SQLite has one writer at a time: there they begin in the order in which they commit.
      if (!is_sqlite())
        for (const auto one : {0, 1, 2, 3}) begin(one);
      for (const auto one : order) {
        if (is_sqlite()) begin(one);
        auto tx = std::move(open[static_cast<std::size_t>(one)]);
        if ((commits >> static_cast<unsigned>(one) & 1U) == 0) {
          tx->roll_back();
          continue;
        }
        tx->commit().or_throw();
        committed += 2;
        if (is_sqlite()) continue;
        ASSERT_TRUE(eventually([&] { return waiting(*looker) == 0; }));
        naive.poll(*looker);
      }
      open = {};
    }
  } while (std::ranges::next_permutation(order).found);
  ASSERT_TRUE(eventually([&] { return backlog() == 0; }));
  naive.poll(*store_);
  expect_all_once_and_in_order();
  std::printf("%zu events committed, a naive poller missed %zu\n", committed, committed - naive.seen());
  if (!is_sqlite()) {
    EXPECT_LT(naive.seen(), committed) << "the counter-proof: it misses what commits late";
  }
}

/// Writers at once that change keys which they share, and give up a fifth of what they do; on PostgreSQL one more, who
/// begins first and commits last. Relays come and go.
TEST_P(CommitsTest, AtRandomWithOneThatIsIdle) {
  const auto transactions = torture_.rounds * 100;
  const Duration idle_for = torture_.rounds >= 1000 ? Duration{30s} : Duration{1s};
  std::vector<OwnRelay> relays;
  for (int relay = 0; relay < 2; ++relay) relays.push_back(start_relay());
  std::jthread coming_and_going([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto third = start_relay();
      std::this_thread::sleep_for(300ms);
    }
  });
  const auto began = std::chrono::steady_clock::now();
  std::unique_ptr<OpenTransaction> idle;
  if (!is_sqlite()) {
    idle = store_->begin(10s).or_throw();
    put_next(*idle, "idle").or_throw();
  }
  std::atomic<std::uint64_t> given_up = 0;
  const auto write = [&](std::uint64_t from, std::uint64_t to) {
    std::vector<std::jthread> writers;
    std::atomic<std::uint64_t> next = from;
    for (int writer = 0; writer < 4; ++writer)
      writers.emplace_back([&] {
        const auto store = open_again();
        while (true) {
          const auto number = next++;
          if (number >= to) return;
          std::mt19937_64 chance(torture_.seed * 1'000'003 + number);
          while (!write_one(*store, chance, given_up)) {
          }
        }
      });
  };
  write(0, transactions / 2);
  if (idle) {
    std::this_thread::sleep_until(began + idle_for);
    ASSERT_TRUE(eventually([&] { return backlog() == 0; })) << "the idle transaction stalls others";
    idle->commit().or_throw();
    idle.reset();
  }
  write(transactions / 2, transactions);
  ASSERT_TRUE(eventually([&] { return backlog() == 0; }));
  coming_and_going.request_stop();
  coming_and_going.join();
  relays.clear();
  std::printf("%llu transactions, %llu given up\n", static_cast<unsigned long long>(transactions),
              static_cast<unsigned long long>(given_up.load()));
  EXPECT_GT(given_up, 0U);
  expect_all_once_and_in_order();
}

}  // namespace
}  // namespace tidings::outbox
