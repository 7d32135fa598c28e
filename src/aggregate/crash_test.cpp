// Processes that change aggregates are killed at any moment: what an aggregate says and what is published of it agree.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <map>

#include "aggregate/testing.hpp"
#include "testing/servers/eventually.hpp"
#include "tidings/aggregate/projection.hpp"
#include "tidings/aggregate/rebuild.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/outbox/relay.hpp"

namespace tidings::aggregate {
namespace {

using shop::Order;
using tidings::testing::eventually;

/// By which a child says that it has made a step, and its parent waits for that.
class Steps {
 public:
  Steps() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  ~Steps() {
    ::close(ends_[0]);
    if (ends_[1] >= 0) ::close(ends_[1]);
  }
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;
  void made_one() const {
    const char one = 1;
    [[maybe_unused]] const auto written = ::write(ends_[1], &one, 1);
  }
  /// In the parent. False: it has ended before.
  bool await(int steps) {
    if (ends_[1] >= 0) ::close(ends_[1]);  // so that the child's end is the pipe's
    ends_[1] = -1;
    for (char one = 0; steps > 0; --steps)
      if (::read(ends_[0], &one, 1) != 1) return false;
    return true;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

class CrashTest : public StoreTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override { open(GetParam()); }
  [[nodiscard]] Repository<Order> orders() const {
    return event_sourced<Order>({.source = "shop", .tables = tables_, .snapshot_every = 7});
  }
  /// How many orders there are, and what they come to.
  [[nodiscard]] auto sums() const {
    return projection<shop::OrderPlaced>(
        "sums",
        {.tables = {{"sums", "what text primary key, number bigint not null, total bigint not null"}},
         .names = tables_},
        [](const shop::OrderPlaced& order, ReadModel& model) -> Result<> {
          auto done = model.execute(
              "insert into {sums} as s values ('all', 1, $1) on conflict (what) do update set number = s.number + 1, "
              "total = s.total + $1",
              order.total);
          return done ? Result<>{} : done.error();
        });
  }
  /// Changes orders until it is killed.
  [[noreturn]] void work(int round, const Steps& steps) const {
    const auto store = open_store(url_);
    for (int turn = 0; store; ++turn) {
      const auto id = "o-" + std::to_string(turn % 3);
      const auto item = std::to_string(round) + "." + std::to_string(turn);
      const auto changed = orders().change(**store, {id}, [&](Order& order) {
        (void)order.add(item + "a");
        return order.add(item + "b");
      });
      if (changed) steps.made_one();
      if (changed || changed.error().code != "unknown_aggregate") continue;
      auto order = Order::place({id});
      (void)orders().save(**store, order);
    }
    ::_exit(1);
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, CrashTest, ::testing::Values("sqlite", "postgres", "committed"));

TEST_P(CrashTest, AKillLeavesTheAggregateAndItsEventsOrNeither) {
  constexpr int rounds = 12;
  store_.reset();  // no child has what its parent has open
  for (int round = 0; round < rounds; ++round) {
    Steps steps;
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) work(round, steps);
    EXPECT_TRUE(steps.await(1 + round));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
  }
  store_ = open_store(url_).or_throw();
  auto broker = open_broker("memory:").or_throw();
  {
    auto relay = outbox::Relay::start(*store_, *broker, {.tables = tables_}).or_throw();
    EXPECT_TRUE(eventually([&] { return count("outbox") == 0; }));
  }
  ASSERT_EQ(count("outbox"), 0);
  std::map<std::string, std::vector<std::string>> published;
  auto reader = broker->subscribe("orders", {.group = {}}).or_throw();
  std::size_t all = 0;
  while (true) {
    const auto some = reader->fetch(1'000, 100ms).or_throw();
    if (some.empty()) break;
    for (const auto& one : some)
      if (one.envelope.type == "shop.line-added") {
        published[std::string(one.envelope.key)].push_back(decode_event<shop::LineAdded>(one.envelope).or_throw().item);
        ++all;
      }
  }
  EXPECT_GT(all, 0U);
  auto tx = store_->begin(10s).or_throw();
  for (const auto& [id, items] : published) {
    const auto order = orders().load(*tx, {id}).or_throw();
    EXPECT_EQ(order.state().items, items);
    EXPECT_EQ(items.size() % 2, 0U) << "both of a change, or none";
    EXPECT_EQ(order.version(), items.size() + 1);
  }
  std::printf("%zu events over %d kills\n", all, rounds);
}

TEST_P(CrashTest, ARebuildThatIsKilledGoesOnAndHasEachEventOnce) {
  constexpr int orders = 600;
  const auto folder = tidings::testing::TemporaryFolder::make("rebuild").or_throw();
  const auto log = "log:" + folder.path() + "/log";
  sums().prepare(*store_).or_throw();
  {
    const auto broker = open_broker(log).or_throw();
    std::vector<Envelope> envelopes;
    for (int order = 0; order < orders; ++order)
      envelopes.push_back(
          make_envelope(shop::OrderPlaced{{"o-" + std::to_string(order)}, 3}, {.source = "shop"}).or_throw());
    std::vector<EnvelopeView> views;
    for (const auto& envelope : envelopes) views.push_back(envelope.view());
    broker->publish("orders", views).or_throw();
  }
  store_.reset();  // no child has what its parent has open
  int kills = 0;
  for (bool is_done = false; !is_done;) {
    ASSERT_LT(kills, 500);
    Steps steps;
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto store = open_store(url_);
      const auto broker = open_broker(log, {.create_topics = false});
      const auto model = sums();
      if (!store || !broker || !model.prepare(**store)) ::_exit(2);
      // The server may still end what a killed process has begun: then this one is told that it is busy.
      const RebuildOptions options{.batch_max = 5, .progress = [&](const RebuildProgress&) { steps.made_one(); }};
      auto rebuilt = rebuild(**store, **broker, model, options);
      while (!rebuilt && rebuilt.error().retry == Retry::same_call)
        rebuilt = rebuild(**store, **broker, model, options);
      ::_exit(rebuilt ? 0 : 3);
    }
    steps.await(1 + kills % 4);
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    // Killed behind the switch it serves; another call would begin with the next one.
    const auto store = open_store(url_).or_throw();
    const auto serving = store->begin(10s)
                             .or_throw()
                             ->query_one<std::int64_t>("select generation from " + tables_.name("projections"))
                             .or_throw()
                             .value_or(0);
    if (serving > 1 && !is_done) {
      is_done = true;
      ++kills;
    }
    if (!is_done) {
      ASSERT_TRUE(WIFSIGNALED(status)) << status;
      ++kills;
    }
  }
  EXPECT_GT(kills, 0);
  store_ = open_store(url_).or_throw();
  struct Sum {
    std::int64_t number = 0;
    std::int64_t total = 0;
  };
  auto tx = store_->begin(10s).or_throw();
  const auto schema = is_sqlite_ ? "" : "\"" + tables_.schema() + "\".";
  const auto sum = tx->query_one<Sum>("select number, total from " + schema + "sums").or_throw().value_or(Sum{});
  EXPECT_EQ(sum.number, orders);
  EXPECT_EQ(sum.total, orders * 3);
  std::printf("%d kills\n", kills);
}

}  // namespace
}  // namespace tidings::aggregate
