#include "payments.hpp"

#include <gmock/gmock.h>

#include "testing.hpp"

namespace shop {
namespace {

using Told = std::vector<std::string>;

class PaymentsTest : public ShopTest {
 protected:
  void run_payments(Bank bank = {}, const std::string& topic = "payments.commands") {
    auto service = make_with("payments", payment_tables);
    Payments payments(bank, *store);
    service.on("keep-accounts", {}, &Payments::on, &payments);
    run(std::move(service), "keep-accounts", topic);
  }
  void charge(const std::string& id, std::int64_t amount_minor) {
    command("saga/checkout/" + id + "/charge payment/do", ChargePayment{id, "c", amount_minor});
  }
  void refund(const std::string& id) { command("saga/checkout/" + id + "/charge payment/undo", RefundPayment{id}); }
  [[nodiscard]] Told payments() {
    return rows<std::string>(
        "select order_id || ' ' || status || ' ' || charged_minor || ' ' || refunded_minor from payments order by "
        "order_id");
  }
  /// What the shop has, and all accounts together.
  [[nodiscard]] std::string ledger() {
    return rows<std::string>(
               "select coalesce(sum(case account when 'shop' then amount_minor end), 0) || ' ' || "
               "coalesce(sum(amount_minor), 0) from ledger")
        .at(0);
  }
  std::vector<std::int64_t> refunded() {
    std::vector<std::int64_t> amounts;
    for (const auto& envelope : read("payments"))
      if (envelope.type == "shop.payment-refunded")
        amounts.push_back(tidings::decode_event<PaymentRefunded>(envelope.view()).or_throw().amount_minor);
    return amounts;
  }
};

TEST_F(PaymentsTest, a_charge_is_answered_and_stands_in_the_ledger_twice) {
  charge("1", 250);
  charge("2", 100);
  refund("2");
  publish(returned("C3", 1));
  run_payments();
  run_payments({}, "orders");
  EXPECT_EQ(told("payments"), (Told{"shop.payment-charged 1", "shop.payment-charged 2", "shop.payment-refunded 2"}));
  EXPECT_EQ(payments(), (Told{"1 charged 250 0", "2 refunded 100 100", "C3 returned 0 100"}));
  EXPECT_EQ(ledger(), "150 0");
  EXPECT_EQ(rows<std::int64_t>("select count(*) from ledger"), std::vector<std::int64_t>{8});
}

TEST_F(PaymentsTest, a_bank_that_declines_charges_nothing) {
  charge("1", 250);
  refund("1");
  run_payments({.decline_rate = 1});
  EXPECT_EQ(told("payments"), (Told{"shop.payment-declined 1", "shop.payment-refunded 1"}));
  EXPECT_EQ(refunded(), std::vector<std::int64_t>{0});
  EXPECT_EQ(payments(), Told{"1 declined 0 0"});
  EXPECT_EQ(ledger(), "0 0");
}

TEST_F(PaymentsTest, amounts_that_are_none_are_declined_with_the_reason) {
  charge("1", amount_max_minor);
  charge("2", amount_max_minor + 1);
  charge("3", 0);
  charge("4", -5);
  run_payments();
  EXPECT_EQ(told("payments"), (Told{"shop.payment-charged 1", "shop.payment-declined 2", "shop.payment-declined 3",
                                    "shop.payment-declined 4"}));
  for (const auto& envelope : read("payments")) {
    if (envelope.type != "shop.payment-declined") continue;
    EXPECT_EQ(tidings::decode_event<PaymentDeclined>(envelope.view()).or_throw().reason, DeclineReason::out_of_bounds);
  }
  EXPECT_EQ(ledger(), std::to_string(amount_max_minor) + " 0");
}

TEST_F(PaymentsTest, a_silent_bank_may_have_charged_and_is_paid_back_only_then) {
  const Bank silent{.silent_rate = 1};
  std::size_t charged = 0, lost = 0;
  for (int number = 0; number < 40; ++number) {
    const auto id = std::to_string(number);
    (silent.mood(id) == Bank::Mood::loses_answer ? charged : lost) += 1;
    charge(id, 100);
  }
  run_payments(silent);
  EXPECT_EQ(told("payments"), Told{});
  EXPECT_GT(charged, 5U);
  EXPECT_GT(lost, 5U);
  EXPECT_EQ(ledger(), std::to_string(100 * charged) + " 0");
  for (int number = 0; number < 40; ++number) refund(std::to_string(number));
  run_payments(silent);
  const auto amounts = refunded();
  EXPECT_EQ(amounts.size(), 40U);
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(amounts, 100)), charged);
  EXPECT_EQ(ledger(), "0 0");
}

TEST_F(PaymentsTest, a_charge_that_its_refund_overtook_does_nothing) {
  refund("1");
  charge("1", 250);
  run_payments();
  EXPECT_EQ(told("payments"), (Told{"shop.payment-refunded 1", "shop.payment-declined 1"}));
  EXPECT_EQ(ledger(), "0 0");
}

TEST_F(PaymentsTest, a_kill_before_it_acknowledged_changes_nothing) {
  charge("1", 250);
  charge("1", 250);  // sent again
  charge("2", 100);
  refund("2");
  refund("2");
  publish(returned("C3", 1));
  run_payments();
  run_payments({}, "orders");
  const auto once = told("payments");
  for (int kill = 0; kill < 2; ++kill) {
    for (const std::string topic : {"payments.commands", "orders"}) {
      give_again(topic, "payments.keep-accounts");
      run_payments({}, topic);
    }
    EXPECT_EQ(told("payments"), once);
    EXPECT_EQ(ledger(), "150 0");
    EXPECT_EQ(parked("payments.keep-accounts"), Told{});
  }
}

TEST(BankTest, its_mood_is_the_orders_and_comes_as_often_as_it_should) {
  const Bank bank{.decline_rate = 0.2, .silent_rate = 0.1};
  std::array<int, 4> moods{};
  for (int number = 0; number < 20'000; ++number) {
    const auto id = std::to_string(number);
    EXPECT_EQ(bank.mood(id), bank.mood(id));
    ++moods.at(static_cast<std::size_t>(bank.mood(id)));
  }
  EXPECT_NEAR(moods[static_cast<std::size_t>(Bank::Mood::declines)], 4'000, 300);
  EXPECT_NEAR(moods[static_cast<std::size_t>(Bank::Mood::loses)], 1'000, 150);
  EXPECT_NEAR(moods[static_cast<std::size_t>(Bank::Mood::loses_answer)], 1'000, 150);
  EXPECT_EQ(Bank{.decline_rate = 1}.mood("1"), Bank::Mood::declines);
  EXPECT_EQ(Bank{}.mood("1"), Bank::Mood::pays);
}

}  // namespace
}  // namespace shop
