// Who reads the disks: the bytes of brokers, stores, outboxes and folders have nothing of what was sealed, after each
// way out, and have it where nothing seals.
#include <algorithm>

#include "service/claims.hpp"
#include "service/sealing_testing.hpp"
#include "tidings/outbox/enqueue.hpp"
#include "tidings/saga/define.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

class SealedBytesTest : public SealingTest {
 protected:
  SealedBytesTest() {
    broker_ = std::make_unique<Moody>(
        open_broker("log:" + folder_.path() + "/log", {.clock = clock_, .log = &lines_}).or_throw());
    use_store();
  }
  ~SealedBytesTest() override {
    stop();
    service_.reset();
  }
};

TEST_F(SealedBytesTest, AreSeenWhereNothingSeals) {
  publish(Confirmed{"a", iban});
  EXPECT_FALSE(shown_in().empty()) << "else this program sees nothing";
  auto tx = store_->begin(10s).or_throw();
  outbox::enqueue(*tx, Confirmed{"b", iban}, {.source = "test"}).or_throw();
  tx->commit().or_throw();
  const auto places = shown_in();
  EXPECT_TRUE(std::ranges::any_of(places, [](const auto& one) { return one.starts_with("test.db"); }));
}

TEST_F(SealedBytesTest, OfPublishesBatchesRequestsRepliesAndSchedules) {
  auto& service = make_with_keys({}, new_key + "," + old_key);
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.from); });
  service.on("answer", {}, [](const Asked& asked, Context& context) { return context.reply(Receipt{asked.id}); });
  service.every("pay", Recurrence::every(1s).or_throw(), [](TimePoint) { return Payment{"by schedule"}; });
  const auto running = start();
  service.publish(Payment{"a"}).or_throw();
  service.publish_all(std::vector<Payment>{{"b"}, {"c"}}).or_throw();
  service.publish_after(Payment{"d"}, 100ms).or_throw();
  EXPECT_EQ(service.request<Receipt>(Asked{"a"}, {.deadline = 30s}).or_throw().from, iban);
  ASSERT_TRUE(seen.wait(5)) << lines_.all();
  for (const auto& one : seen.values()) EXPECT_EQ(one, iban);
  EXPECT_EQ(shown_in(), Places{});
}

TEST_F(SealedBytesTest, OfOutboxesClaimChecksAndDeadLetters) {
  Claims(folder_.path() + "/claims", 10, {}, *clock_).create().or_throw();
  auto& service = make_with_keys({{"claim_check.folder", folder_.path() + "/claims"}, {"claim_check.above", "10"}});
  service.on("book", {.retry = {.immediate = 0, .delayed = 0}},
             [](const Payment&) -> Result<> { return Error{"bad", "it is bad"}; });
  service.on("pay", {},
             [](const Order& order, Context& context, Transaction&) { return context.publish(Payment{order.id}); });
  auto tx = store_->begin(10s).or_throw();
  outbox::enqueue(*tx, Payment{"by hand"}, {.source = "test", .sealer = &service.sealer()}).or_throw();
  tx->commit().or_throw();
  EXPECT_EQ(shown_in(), Places{});
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return letters("test.book.dead-letters").size() == 2; })) << lines_.all();
  EXPECT_EQ(shown_in(), Places{});
}

struct Shipping {
  std::string id;
  void begin(const Order& order) { id = order.id; }
  [[nodiscard]] Payment pay() const { return {id}; }
  void paid(const Asked& asked) { id = asked.id; }
  [[nodiscard]] Receipt done() const { return {id}; }
};

TEST_F(SealedBytesTest, OfSagasCommandsAndWhatTheyEndWith) {
  auto& service = make_with_keys();
  service.saga(saga::define<Shipping>(
      "shipping", {}, saga::starts(&Shipping::begin),
      saga::step("pay", saga::send(&Shipping::pay), saga::done(&Shipping::paid), saga::no_undo()),
      saga::completes(&Shipping::done)));
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
  EXPECT_EQ(shown_in(), Places{});
}

}  // namespace
}  // namespace tidings::service
