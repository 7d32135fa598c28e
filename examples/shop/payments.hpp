#pragma once

#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "events.hpp"
#include "tidings/base/key_hash.hpp"
#include "tidings/saga/tombstones.hpp"
#include "tidings/service/batch.hpp"
#include "tidings/store/transaction.hpp"
#include "till.hpp"

namespace shop {

/// How each payment stands, `charged`, `declined`, `refunded` or `returned`; and the ledger, in which every movement of
/// money stands twice, with opposite signs: what one account gives, another gets. It is kept apart from how payments
/// stand, so that each can be checked by the other. A movement is named by the command or event that caused it.
inline constexpr std::array<std::string_view, 2> payment_tables{
    "create table if not exists payments(order_id text primary key, status text not null, "
    "charged_minor bigint not null, refunded_minor bigint not null)",
    "create table if not exists ledger(cause text not null, account text not null, order_id text not null, "
    "amount_minor bigint not null, primary key (cause, account))"};

/// What a bank does that is none: it refuses so many of its customers, and so many never hear from it.
struct Bank {
  double decline_rate = 0;
  double silent_rate = 0;

  enum class Mood {
    pays,
    declines,
    loses,         ///< what it is asked, without a word
    loses_answer,  ///< it pays, without a word
  };
  /// The same for an order whenever it is asked.
  [[nodiscard]] Mood mood(const std::string& order_id) const {
    const auto hash = tidings::key_hash("bank/" + order_id);
    const auto drawn = std::ldexp(static_cast<double>(hash >> 11), -53);  // from 0 to below 1
    if (drawn < decline_rate) return Mood::declines;
    if (drawn < decline_rate + silent_rate / 2) return Mood::loses;
    if (drawn < decline_rate + silent_rate) return Mood::loses_answer;
    return Mood::pays;
  }
};

/// Charges customers, and pays them back, as checkouts tell it to and for what they return: in one transaction with
/// what it answers, so that it counts once, however often it is killed and the events come again.
class Payments {
 public:
  Payments(Bank bank, const tidings::Store& store) : bank_(bank), stones_(store) {}

  tidings::Result<> on(const tidings::Batch<ChargePayment, RefundPayment, OrderReturned>& batch,
                       tidings::Transaction& tx) {
    for (const auto& [event, context] : batch) {
      auto taken = std::visit([&, &where = context](const auto& told) { return take(told, where, tx); }, event);
      if (!taken) return taken;
    }
    return {};
  }

 private:
  struct Payment {
    std::string status;
    std::int64_t charged_minor = 0;
    std::int64_t refunded_minor = 0;
  };
  static tidings::Result<std::optional<Payment>> find(const std::string& order_id, tidings::Transaction& tx) {
    return tx.query_one<Payment>("select status, charged_minor, refunded_minor from payments where order_id = $1",
                                 order_id);
  }
  static tidings::Result<> note(const std::string& order_id, const Payment& now, tidings::Transaction& tx) {
    auto written = tx.execute(
        "insert into payments(order_id, status, charged_minor, refunded_minor) values ($1, $2, $3, $4) on conflict "
        "(order_id) do update set status = excluded.status, charged_minor = excluded.charged_minor, "
        "refunded_minor = excluded.refunded_minor",
        order_id, now.status, now.charged_minor, now.refunded_minor);
    return written ? tidings::Result<>{} : written.error();
  }
  /// From the customer to the shop; below 0 the other way.
  static tidings::Result<> move(const std::string& order_id, std::int64_t amount_minor, const tidings::Context& context,
                                tidings::Transaction& tx) {
    auto written = tx.execute(
        "insert into ledger(cause, account, order_id, amount_minor) values ($1, 'customer', $2, $3), "
        "($1, 'shop', $2, $4)",
        context.envelope().id, order_id, -amount_minor, amount_minor);
    return written ? tidings::Result<>{} : written.error();
  }

  tidings::Result<> take(const ChargePayment& command, tidings::Context& context, tidings::Transaction& tx) {
    const auto& [id, customer, amount] = command;
    const auto mood = bank_.mood(id);
    if (mood == Bank::Mood::loses) return {};
    const auto is_first = stones_.admit(tx, context.envelope().id);
    if (!is_first) return is_first.error();
    if (!*is_first) return answer_again(id, context, tx);
    const bool is_out_of_bounds = amount <= 0 || amount > amount_max_minor;
    if (is_out_of_bounds || mood == Bank::Mood::declines) {
      if (auto noted = note(id, {"declined"}, tx); !noted) return noted;
      return context.publish(
          PaymentDeclined{id, is_out_of_bounds ? DeclineReason::out_of_bounds : DeclineReason::refused});
    }
    if (auto moved = move(id, amount, context, tx); !moved) return moved;
    if (auto noted = note(id, {"charged", amount}, tx); !noted) return noted;
    if (mood == Bank::Mood::loses_answer) return {};
    return context.publish(PaymentCharged{id, amount});
  }

  /// For a command that was carried out before, or that its compensation has overtaken.
  tidings::Result<> answer_again(const std::string& id, tidings::Context& context, tidings::Transaction& tx) const {
    const auto known = find(id, tx);
    if (!known) return known.error();
    const auto status = *known ? (*known)->status : "refunded";
    if (status == "charged" && bank_.mood(id) == Bank::Mood::loses_answer) return {};
    if (status == "charged") return context.publish(PaymentCharged{id, (*known)->charged_minor});
    return context.publish(
        PaymentDeclined{id, status == "declined" ? DeclineReason::refused : DeclineReason::refunded});
  }

  tidings::Result<> take(const RefundPayment& command, tidings::Context& context, tidings::Transaction& tx) {
    const auto& id = command.order_id;
    const auto is_done = stones_.undo(tx, context.envelope().id);
    if (!is_done) return is_done.error();
    const auto known = *is_done ? find(id, tx) : tidings::Result<std::optional<Payment>>(std::nullopt);
    if (!known) return known.error();
    if (!*known || (*known)->status != "charged") return context.publish(PaymentRefunded{id, 0});
    const auto amount = (*known)->charged_minor;
    if (auto moved = move(id, -amount, context, tx); !moved) return moved;
    if (auto noted = note(id, {"refunded", amount, amount}, tx); !noted) return noted;
    return context.publish(PaymentRefunded{id, amount});
  }

  static tidings::Result<> take(const OrderReturned& goods, tidings::Context& context, tidings::Transaction& tx) {
    if (auto moved = move(goods.order_id, -goods.total_minor, context, tx); !moved) return moved;
    return note(goods.order_id, {"returned", 0, goods.total_minor}, tx);
  }

  Bank bank_;
  tidings::saga::Tombstones stones_;
};

}  // namespace shop
