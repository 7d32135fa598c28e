#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tidings/saga/define.hpp"

// The sagas that are measured.
namespace bench::sagas {

using namespace std::chrono_literals;

inline constexpr std::string_view topic = "checkout";

template <class Event>
constexpr tidings::traits<Event> in(std::string_view name, std::string_view where = topic) {
  return {.name = name, .topic = where, .key = &Event::order_id};
}

struct Placed {
  std::string order_id;
  std::string customer_id;
  std::int64_t total_minor = 0;
  static constexpr auto event = in<Placed>("bench.placed");
};
struct Reserved {
  std::string order_id;
  static constexpr auto event = in<Reserved>("bench.reserved");
};
struct Charged {
  std::string order_id;
  std::string payment_id;
  static constexpr auto event = in<Charged>("bench.charged");
};
struct Reserve {
  std::string order_id;
  static constexpr auto event = in<Reserve>("bench.reserve", "commands");
};
struct Release {
  std::string order_id;
  static constexpr auto event = in<Release>("bench.release", "commands");
};
struct Charge {
  std::string order_id;
  std::int64_t total_minor = 0;
  static constexpr auto event = in<Charge>("bench.charge", "commands");
};
struct Confirmed {
  std::string order_id;
  static constexpr auto event = in<Confirmed>("bench.confirmed", "confirmed");
};

struct Checkout {
  std::string order_id;
  std::string customer_id;
  std::int64_t total_minor = 0;
  std::string payment_id;

  void begin(const Placed& order) {
    order_id = order.order_id;
    customer_id = order.customer_id;
    total_minor = order.total_minor;
  }
  void charged(const Charged& event) { payment_id = event.payment_id; }
  [[nodiscard]] Reserve reserve() const { return {order_id}; }
  [[nodiscard]] Release release() const { return {order_id}; }
  [[nodiscard]] Charge charge() const { return {order_id, total_minor}; }
  [[nodiscard]] Confirmed confirmed() const { return {order_id}; }
};

/// Two steps, one after the other, each with a time-out: a saga comes to its end by three events.
inline tidings::saga::Definition checkout(tidings::Duration patience = 720h) {
  namespace saga = tidings::saga;
  return saga::define<Checkout>("checkout", {}, saga::starts(&Checkout::begin),
                                saga::step("reserve", saga::send(&Checkout::reserve), saga::done<Reserved>(),
                                           saga::undo(&Checkout::release), saga::within(patience)),
                                saga::step("charge", saga::send(&Checkout::charge), saga::done(&Checkout::charged),
                                           saga::no_undo(), saga::within(patience)),
                                saga::completes(&Checkout::confirmed));
}
inline constexpr std::int64_t events_of_each = 3;

inline std::string order_id_of(std::int64_t number) {
  return "order-" + std::to_string(1'000'000 + number);
}
inline Placed placed_of(std::int64_t number) {
  return {order_id_of(number), "customer-" + std::to_string(number % 99'000), 1'900 + number};
}

inline constexpr std::size_t answers_at_once = 16;
template <std::size_t N>
struct Answer {
  std::string order_id;
  static constexpr char name[] = {
      'b', 'e', 'n', 'c', 'h', '.', 'a', 'n', 's', 'w', 'e', 'r', '-', static_cast<char>('a' + N), '\0'};
  static constexpr char own_topic[] = {'a', 'n', 's', 'w', 'e', 'r', 's', '-', static_cast<char>('a' + N), '\0'};
  static constexpr tidings::traits<Answer> event{.name = name, .topic = own_topic, .key = &Answer::order_id};
};

/// One step of 16 at once, each of which waits for an answer on a topic of its own.
inline tidings::saga::Definition hot() {
  namespace saga = tidings::saga;
  const auto step = []<std::size_t N>(std::integral_constant<std::size_t, N>) {
    return saga::step("part " + std::to_string(N), saga::send(&Checkout::reserve), saga::done<Answer<N>>(),
                      saga::undo(&Checkout::release));
  };
  return [&]<std::size_t... N>(std::index_sequence<N...>) {
    return saga::define<Checkout>("hot", {}, saga::starts(&Checkout::begin),
                                  saga::parallel(step(std::integral_constant<std::size_t, N>{})...),
                                  saga::completes(&Checkout::confirmed));
  }(std::make_index_sequence<answers_at_once>{});
}

}  // namespace bench::sagas
