#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "tidings/saga/define.hpp"

// An order that takes stock and money and is then shipped, over three services that are killed all the while.
namespace tidings::saga::torture {

using namespace std::chrono_literals;

template <class Event>
constexpr tidings::traits<Event> in(std::string_view name, std::string_view topic) {
  return {.name = name, .topic = topic, .key = &Event::order_id};
}

/// What becomes of an order.
enum class Fate { fine, out_of_stock, declined, unanswered, refused_unanswered, late, cancelled };

struct Placed {
  std::string order_id;
  std::int64_t fate = 0;
  static constexpr auto event = in<Placed>("torture.placed", "orders");
};
struct Cancelled {
  std::string order_id;
  static constexpr auto event = in<Cancelled>("torture.cancelled", "orders");
};
struct Confirmed {
  std::string order_id;
  static constexpr auto event = in<Confirmed>("torture.confirmed", "ends");
};
struct Failed {
  std::string order_id;
  static constexpr auto event = in<Failed>("torture.failed", "ends");
};
struct Reserve {
  std::string order_id;
  std::int64_t fate = 0;
  static constexpr auto event = in<Reserve>("torture.reserve", "stock-do");
};
struct Release {
  std::string order_id;
  static constexpr auto event = in<Release>("torture.release", "stock-undo");  // it may overtake
};
struct Reserved {
  std::string order_id;
  static constexpr auto event = in<Reserved>("torture.reserved", "stock");
};
struct Rejected {
  std::string order_id;
  static constexpr auto event = in<Rejected>("torture.rejected", "stock");
};
struct Released {
  std::string order_id;
  static constexpr auto event = in<Released>("torture.released", "stock");
};
struct Charge {
  std::string order_id;
  std::int64_t fate = 0;
  static constexpr auto event = in<Charge>("torture.charge", "payments-do");
};
struct Refund {
  std::string order_id;
  static constexpr auto event = in<Refund>("torture.refund", "payments-undo");
};
struct Charged {
  std::string order_id;
  static constexpr auto event = in<Charged>("torture.charged", "payments");
};
struct Declined {
  std::string order_id;
  static constexpr auto event = in<Declined>("torture.declined", "payments");
};
struct Refunded {
  std::string order_id;
  static constexpr auto event = in<Refunded>("torture.refunded", "payments");
};
struct Ship {
  std::string order_id;
  static constexpr auto event = in<Ship>("torture.ship", "stock-do");
};
struct Shipped {
  std::string order_id;
  static constexpr auto event = in<Shipped>("torture.shipped", "stock");
};

struct Order {
  std::string order_id;
  std::int64_t fate = 0;
  void begin(const Placed& event) { order_id = event.order_id, fate = event.fate; }
  [[nodiscard]] Reserve reserve() const { return {order_id, fate}; }
  [[nodiscard]] Release release() const { return {order_id}; }
  [[nodiscard]] Charge charge() const { return {order_id, fate}; }
  [[nodiscard]] Refund refund() const { return {order_id}; }
  [[nodiscard]] Ship ship() const { return {order_id}; }
  [[nodiscard]] Confirmed confirmed() const { return {order_id}; }
  [[nodiscard]] Failed failed() const { return {order_id}; }
};

/// Time-outs are shorter than an outage, so that what is asked for is also undone before it has been done.
inline Definition order() {
  return define<Order>(
      "order", {}, starts(&Order::begin),
      parallel(
          step("reserve", send(&Order::reserve), done<Reserved>(), saga::failed<Rejected>(),
               undo(&Order::release, done<Released>(), within(700ms), retries(100'000)), within(1500ms), retries(1)),
          step("charge", send(&Order::charge), done<Charged>(), saga::failed<Declined>(),
               undo(&Order::refund, done<Refunded>(), within(700ms), retries(100'000)), within(2s))),
      pivot(), step("ship", send(&Order::ship), done<Shipped>(), within(900ms), retries(100'000)), cancels<Cancelled>(),
      completes(&Order::confirmed), fails(&Order::failed));
}

inline constexpr std::string_view service_word = "--service";
/// `PROGRAM --service orders|stock|payments FOLDER STORE_URL SEED`: runs until it is killed, or told to stop. Unless
/// the seed is 0 it kills itself now and then, where its handlers' work is committed and their events are not yet
/// settled.
int service_process(int count, char** arguments);

}  // namespace tidings::saga::torture
