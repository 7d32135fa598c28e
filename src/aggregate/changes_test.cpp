// Changes of one aggregate that meet.
#include <thread>

#include "aggregate/repository_testing.hpp"

namespace tidings::aggregate {
namespace {

class ChangesTest : public RepositoryTest {};
INSTANTIATE_TEST_SUITE_P(Stores, ChangesTest,
                         ::testing::Combine(::testing::Values("sqlite", "postgres", "committed"),
                                            ::testing::Values("state", "events", "own")),
                         [](const auto& one) { return std::get<0>(one.param) + "_" + std::get<1>(one.param); });

TEST_P(ChangesTest, TheSecondOfTwoChangesConflictsAndSaysThatTryingAgainHelps) {
  place("o-1");
  auto first = loaded("o-1");
  auto second = loaded("o-1");
  first.add("mug").or_throw();
  second.add("cup").or_throw();
  orders().save(*store_, first).or_throw();
  {
    auto tx = store_->begin(10s).or_throw();
    const auto refused = orders().save(*tx, second);
    ASSERT_EQ(code(refused), "conflict");
    EXPECT_EQ(refused.error().retry, Retry::same_call);
    EXPECT_NE(refused.error().message.find("shop.Order 'o-1'"), std::string::npos) << refused.error().message;
    EXPECT_EQ(code(tx->commit()), "transaction_failed") << "what else it wrote must not be there without it";
  }
  EXPECT_EQ(second.raised().size(), 1U) << "as before";
  EXPECT_EQ(loaded("o-1").state().items, (std::vector<std::string>{"mug"}));
  EXPECT_EQ(sent().size(), 2U);
}

TEST_P(ChangesTest, AChangeReturnsWhatItsFunctionSays) {
  place("o-1", 5);
  const auto repository = orders();
  EXPECT_TRUE(repository.change(*store_, {"o-1"}, [](Order& order) { return order.add("mug", 2); }));
  EXPECT_EQ(repository
                .change(*store_, {"o-1"},
                        [](Order& order) -> Result<std::int64_t> {
                          (void)order.add("cup", 3);
                          return order.state().total;
                        })
                .or_throw(),
            10);
  repository.change(*store_, {"o-1"}, [](Order& order) { (void)order.cancel("late"); }).or_throw();
  EXPECT_EQ(code(repository.change(*store_, {"o-1"}, [](Order& order) { return order.add("pan"); })), "cancelled");
  EXPECT_EQ(code(repository.change(*store_, {"o-2"}, [](Order&) {})), "unknown_aggregate");
  int calls = 0;
  EXPECT_EQ(code(repository.change(*store_, {"o-1"},
                                   [&](Order&) -> Result<> {
                                     ++calls;
                                     return Error{"conflict", "the program's own", Retry::same_call};
                                   })),
            "conflict");
  EXPECT_EQ(calls, 1) << "an error of its own is its own, whatever its code";
  EXPECT_THROW((void)repository.change(*store_, {"o-1"}, [](Order&) { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(loaded("o-1").version(), 4U);
}

TEST_P(ChangesTest, AChangeThatMeetsAnotherIsTriedAgainAndNotForEver) {
  place("o-1");
  const auto repository = orders();
  const auto other = open_store(url_).or_throw();
  if (is_sqlite_) return;  // one writer at a time: nothing comes in between
  int calls = 0;
  repository
      .change(*store_, {"o-1"},
              [&](Order& order) {
                if (++calls <= 2)
                  repository.change(*other, {"o-1"}, [](Order& same) { return same.add("between"); }).or_throw();
                return order.add("mine");
              })
      .or_throw();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(loaded("o-1").state().items, (std::vector<std::string>{"between", "between", "mine"}));
  const auto refused = repository.change(
      *store_, {"o-1"},
      [&](Order& order) {
        repository.change(*other, {"o-1"}, [](Order& same) { return same.add("between"); }).or_throw();
        return order.add("never");
      },
      {.attempts_max = 3});
  ASSERT_EQ(code(refused), "conflict");
  EXPECT_NE(refused.error().message.find("after 3 attempts"), std::string::npos) << refused.error().message;
  EXPECT_EQ(sent().size(), 1U + 3U + 3U);
}

TEST_P(ChangesTest, ManyThreadsLoseNoUpdateAndEachEventIsThereOnceAndInOrder) {
  constexpr int threads = 6;
  constexpr int each = 20;
  place("o-1");
  place("o-2");
  const auto repository = orders();
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> all;
    for (int thread = 0; thread < threads; ++thread)
      all.emplace_back([&, thread] {
        for (int turn = 0; turn < each; ++turn) {
          const auto done = repository.change(
              *store_, {turn % 5 == 4 ? "o-2" : "o-1"},
              [&](Order& order) { return order.add(std::to_string(thread) + "." + std::to_string(turn)); },
              {.within = 120s, .attempts_max = 100'000});
          if (!done) {
            ++failed;
            ADD_FAILURE() << to_string(done.error());
          }
        }
      });
  }
  EXPECT_EQ(failed, 0);
  std::size_t all = 0;
  const auto events = sent();
  for (const auto* const id : {"o-1", "o-2"}) {
    const auto order = loaded(id);
    all += order.state().items.size();
    EXPECT_EQ(order.version(), 1 + order.state().items.size());
    EXPECT_EQ(static_cast<std::size_t>(order.state().total), order.state().items.size());
    // What the outbox will publish is what happened to the aggregate, in that order.
    std::vector<std::string> published;
    for (const auto& event : events)
      if (event.key == id && event.type == "shop.line-added")
        published.push_back(JsonCodec::decode<shop::LineAdded>(event.data).or_throw().item);
    EXPECT_EQ(published, order.state().items);
  }
  EXPECT_EQ(all, static_cast<std::size_t>(threads * each));
  EXPECT_EQ(events.size(), all + 2);
}

}  // namespace
}  // namespace tidings::aggregate
