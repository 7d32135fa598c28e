// What is sealed beside a store: outboxes, inboxes, sagas, aggregates and projections.
#include <atomic>

#include "service/sealing_testing.hpp"
#include "tidings/aggregate/rebuild.hpp"
#include "tidings/aggregate/repository.hpp"
#include "tidings/aggregate/schema.hpp"
#include "tidings/outbox/enqueue.hpp"
#include "tidings/saga/define.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

TEST_F(SealingTest, AProgramsOwnTransactionTakesAKeyring) {
  use_store();
  const auto keys = keyring(old_key);
  const auto event = make_envelope(Payment{"b"}, {.source = "test"}).or_throw();
  auto& service = make_with_keys();
  auto tx = store_->begin(10s).or_throw();
  outbox::enqueue(*tx, Payment{"a"}, {.source = "test", .sealer = &keys}).or_throw();
  outbox::enqueue_envelope(*tx, "payments", event.view(), {.sealer = &service.sealer()}).or_throw();
  outbox::enqueue(*tx, Order{"a", 1}, {.source = "test", .sealer = &keys}).or_throw();
  tx->commit().or_throw();
  EXPECT_EQ(shown_in(), Places{});
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.id + payment.from); });
  const auto running = start();
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  EXPECT_EQ(sealed("payments"), 2U);
  EXPECT_TRUE(eventually([&] { return read("orders").size() == 1; }));
  EXPECT_FALSE(is_sealed(read("orders").front().view()));
}

TEST_F(SealingTest, AHandlersTransactionWritesSealedRows) {
  use_store();
  auto& service = make_with_keys({{"outbox.relay", "false"}});
  service.on("pay", {}, [](const Order& order, Context& context, Transaction&) -> Result<> {
    if (auto now = context.publish(Payment{order.id}); !now) return now;
    return context.publish_after(Payment{order.id + "-later"}, 200ms);
  });
  publish(Order{"a", 1});
  {
    const auto running = start();
    ASSERT_TRUE(caught_up("orders", "test.pay")) << lines_.all();
    auto tx = store_->begin(10s).or_throw();
    EXPECT_EQ(tx->query<std::int64_t>("select count(*) from tidings_outbox").or_throw().front(), 2);
  }
  EXPECT_EQ(shown_in(), Places{}) << "nor in the database";
  Record<std::string> seen;
  auto& relaying = make_with_keys();
  relaying.on("book", {}, [&](const Payment& payment) { seen.add(payment.id + payment.from); });
  const auto running = start();
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  auto values = seen.values();
  std::ranges::sort(values);
  EXPECT_EQ(values, (std::vector<std::string>{"a-later" + iban, "a" + iban}));
  EXPECT_EQ(sealed("payments"), 2U);
  EXPECT_EQ(shown_in(), Places{});
}

// The inbox knows an event by its id: the same under another nonce is the same.
TEST_F(SealingTest, AnEventThatIsSealedAnewIsStillTheSame) {
  use_store();
  auto& service = make_with_keys();
  std::atomic<int> calls = 0;
  service.on("book", {}, [&](const Payment&, Transaction&) { ++calls; });
  const auto event = make_envelope(Payment{"a"}, {.source = "elsewhere"}).or_throw();
  for (int times = 0; times < 3; ++times) {
    auto again = event;
    keyring(old_key).seal(again).or_throw();
    publish_raw("payments", again);
  }
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("payments", "test.book").handled == 3; })) << lines_.all();
  EXPECT_EQ(calls, 1);
}

struct Booking {
  std::string id;
  void begin(const Order& order) { id = order.id; }
  [[nodiscard]] Payment pay() const { return {id}; }
  [[nodiscard]] Receipt done() const { return {id}; }
  void paid(const Asked& asked) { id = asked.id; }
};
saga::Definition booking() {
  return saga::define<Booking>(
      "booking", {}, saga::starts(&Booking::begin),
      saga::step("pay", saga::send(&Booking::pay), saga::done(&Booking::paid), saga::no_undo()),
      saga::completes(&Booking::done));
}

TEST_F(SealingTest, SagasCommandsAndAnswers) {
  use_store();
  auto& service = make_with_keys();
  service.saga(booking());
  Record<std::string> seen;
  service.on("charge", {}, [&](const Payment& payment, Context& context) {
    seen.add(payment.from);
    return context.publish(Asked{payment.id});
  });
  service.on("file", {}, [&](const Receipt& receipt) { seen.add(receipt.from); });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  EXPECT_EQ(seen.values(), (std::vector<std::string>{iban, iban}));
  EXPECT_EQ(sealed("payments") + sealed("asked") + sealed("receipts"), 3U);
  EXPECT_EQ(shown_in(), Places{});
}

TEST_F(SealingTest, AServiceThatIsKnownToPublishItDoesNotBeginWithoutAKey) {
  use_store();
  {
    auto& service = make({.store = store_.get()});
    service.saga(booking());
    EXPECT_EQ(service.run(), 1);
    EXPECT_EQ(lines_.count("publishes test.payment, which is to be encrypted"), 1U) << lines_.all();
  }
  lines_.clear();
  make().publishes<Receipt>();
  EXPECT_EQ(service_->run(), 1);
  EXPECT_EQ(lines_.count("publishes test.receipt, which is to be encrypted"), 1U) << lines_.all();
  make().on("book", {}, [](const Payment&) {});
  const auto running = start();
  EXPECT_TRUE(eventually([&] { return lines_.count("its events will be parked") == 1; })) << lines_.all();
}

struct AccountState {
  std::string id;
  void apply(const Payment& payment) { id = payment.id; }
};
class Account : public Aggregate<AccountState, Payment> {
 public:
  static constexpr AggregateTraits aggregate{.name = "test.account"};
  void pay(std::string id) { raise(Payment{std::move(id)}); }
};

TEST_F(SealingTest, AggregatesEventsLeaveSealed) {
  use_store();
  aggregate::apply_schema(*store_).or_throw();
  auto& service = make_with_keys();
  const auto open = event_sourced<Account>({.source = "test"});
  const auto closed = event_sourced<Account>({.source = "test", .sealer = &service.sealer()});
  {
    auto tx = store_->begin(10s).or_throw();
    Account account;
    account.pay("a");
    EXPECT_EQ(open.save(*tx, account).error().code, "not_sealed");
  }
  {
    auto tx = store_->begin(10s).or_throw();
    Account account;
    account.pay("b");
    closed.save(*tx, account).or_throw();
    tx->commit().or_throw();
  }
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return sealed("payments") == 1; })) << lines_.all();
}

TEST_F(SealingTest, ProjectionsAreKeptAndMadeAnew) {
  use_store();
  aggregate::apply_schema(*store_).or_throw();
  auto& service = make_with_keys();
  const auto paid = projection<Payment>("paid", {.tables = {{"paid", "id text primary key, sender text not null"}}},
                                        [](const Payment& payment, ReadModel& model) -> Result<> {
                                          auto done = model.execute("insert into {paid}(id, sender) values ($1, $2)",
                                                                    payment.id, payment.from);
                                          return done ? Result<>{} : done.error();
                                        });
  service.projection(paid);
  const auto running = start();
  service.publish(Payment{"a"}).or_throw();
  service.publish(Payment{"b"}).or_throw();
  const auto senders = [&] {
    auto tx = store_->begin(10s).or_throw();
    return tx->query<std::string>("select sender from paid order by id").or_throw();
  };
  ASSERT_TRUE(eventually([&] { return caught_up("payments", "test.paid") && senders().size() == 2; })) << lines_.all();
  EXPECT_EQ(senders(), (std::vector<std::string>{iban, iban}));
  const auto made =
      rebuild(*store_, *broker_, paid, {.payload = [&](const EnvelopeView& event) { return service.payload(event); }});
  ASSERT_TRUE(made) << to_string(made.error());
  EXPECT_EQ(made->events, 2U);
  EXPECT_EQ(senders(), (std::vector<std::string>{iban, iban}));
}

}  // namespace
}  // namespace tidings::service
