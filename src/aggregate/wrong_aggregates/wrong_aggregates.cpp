// Aggregates that cannot be do not compile, with one sentence that says why.
#include "tidings/aggregate/given.hpp"
#include "tidings/aggregate/projection.hpp"
#include "tidings/aggregate/repository.hpp"
#include "tidings/aggregate/value.hpp"

struct Placed {
  std::string order_id;
  static constexpr tidings::traits<Placed> event{.name = "shop.placed", .topic = "orders", .key = &Placed::order_id};
};
struct Cancelled {
  std::string order_id;
  static constexpr tidings::traits<Cancelled> event{
      .name = "shop.cancelled", .topic = "orders", .key = &Cancelled::order_id};
};
struct OrderState {
  std::string id;
  void apply(const Placed& event) { id = event.order_id; }
  void apply(const Cancelled&) {}
};
class Order : public tidings::Aggregate<OrderState, Placed, Cancelled> {
 public:
  void place(std::string id) { raise(Placed{std::move(id)}); }
};

auto fine() {
  (void)tidings::given<Order>().when([](Order& order) { order.place("7"); }).then(Placed{"7"});
  (void)tidings::state_stored<Order>();
  return tidings::event_sourced<Order>();
}

#ifdef AN_EVENT_THAT_IS_NOT_APPLIED
// refused: the state of an aggregate has a public 'void apply(const Event&)' for each of its events
// names: Shipped
struct Shipped {
  std::string order_id;
  static constexpr tidings::traits<Shipped> event{.name = "shop.shipped", .topic = "orders", .key = &Shipped::order_id};
};
class Wrong : public tidings::Aggregate<OrderState, Placed, Shipped> {
 public:
  void place(std::string id) { raise(Placed{std::move(id)}); }
};
#endif

#ifdef AN_EVENT_WITHOUT_A_KEY
// refused: the key of an aggregate's event is the aggregate's id
// names: Weighed
struct Weighed {
  std::string order_id;
};
struct WeighedState {
  std::string id;
  void apply(const Weighed&) {}
};
class Wrong : public tidings::Aggregate<WeighedState, Weighed> {
 public:
  void weigh() { raise(Weighed{}); }
};
#endif

#ifdef A_STATE_WITHOUT_AN_ID
// refused: the state of an aggregate has a member 'id'
struct Nobody {
  int number = 0;
  void apply(const Placed&) {}
};
class Wrong : public tidings::Aggregate<Nobody, Placed> {
 public:
  void place() { raise(Placed{}); }
};
#endif

#ifdef AN_EVENT_OF_ANOTHER
// refused: an aggregate raises the events that it names
struct Other {
  std::string id;
};
class Wrong : public tidings::Aggregate<OrderState, Placed, Cancelled> {
 public:
  void place() { raise(Other{}); }
};
#endif

#ifdef TWO_EVENTS_OF_ONE_NAME
// refused: two events of this aggregate have one name; name the newest version alone
struct PlacedAgain {
  std::string order_id;
  static constexpr tidings::traits<PlacedAgain> event{
      .name = "shop.placed", .version = 2, .topic = "orders", .key = &PlacedAgain::order_id};
};
struct BothState {
  std::string id;
  void apply(const Placed&) {}
  void apply(const PlacedAgain&) {}
};
class Wrong : public tidings::Aggregate<BothState, Placed, PlacedAgain> {
 public:
  void place() { raise(Placed{}); }
};
#endif

#ifdef EVENTS_OF_SEVERAL_TOPICS
// refused: the events of an aggregate keep their order in one topic alone
// names: Wrong
struct Mailed {
  std::string order_id;
  static constexpr tidings::traits<Mailed> event{.name = "shop.mailed", .topic = "mails", .key = &Mailed::order_id};
};
struct MailedState {
  std::string id;
  void apply(const Placed&) {}
  void apply(const Mailed&) {}
};
class Wrong : public tidings::Aggregate<MailedState, Placed, Mailed> {};
auto wrong = tidings::event_sourced<Wrong>();
#endif

#ifdef A_CLASS_THAT_IS_NO_AGGREGATE
// refused: an aggregate derives publicly from tidings::Aggregate<State, Event…>
class Wrong {
 public:
  using state_type = OrderState;
};
auto wrong() {
  return tidings::given<Wrong>();
}
#endif

#ifdef A_VALUE_WITHOUT_A_CHECK
// refused: a Value has a public static tidings::Result<> check(const Rep&)
class Wrong : public tidings::Value<Wrong, std::string> {
 public:
  using Value::Value;
};
auto wrong() {
  return Wrong::make("");
}
#endif

#ifdef A_PROJECTION_THAT_FORGETS_AN_EVENT
// refused: the function of a projection takes each of its events
auto wrong() {
  return tidings::projection<Placed, Cancelled>("p", {}, [](const Placed&, tidings::ReadModel&) {});
}
#endif

#ifdef A_PROJECTION_OF_SEVERAL_TOPICS
// refused: the events of a projection have one topic
struct Elsewhere {
  std::string id;
  static constexpr tidings::traits<Elsewhere> event{.name = "shop.elsewhere", .topic = "other", .key = &Elsewhere::id};
};
auto wrong() {
  return tidings::projection<Placed, Elsewhere>("p", {}, [](const auto&, tidings::ReadModel&) {});
}
#endif
