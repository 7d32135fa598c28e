// What must not be subscribed to the bus, and the sentence that says why: `tidings_refusals` in cmake/ tells how a case
// is written.
#include <memory>

namespace shop {

struct OrderPlaced {
  int order = 0;
};
struct OrderShipped {
  int order = 0;
};
struct OrderReturned;
struct Sealed {
  Sealed() = default;
  Sealed(const Sealed&) = delete;
  Sealed& operator=(const Sealed&) = delete;
};

struct Revenue {
  void on(const OrderPlaced&) {}
  void on_lvalue(const OrderPlaced&) & {}
  [[nodiscard]] bool judge(const OrderPlaced&) const { return true; }
};
struct Books : Revenue {};
struct Secret : private Revenue {};

inline void use() {
  tidings::Bus bus;
  auto fine = bus.subscribe([](const OrderPlaced&) {});
  auto moved = bus.subscribe([owned = std::make_unique<int>(1)](const OrderPlaced&, tidings::Context&) {});
  auto named = bus.subscribe<OrderPlaced, OrderShipped>([](const auto&) { return tidings::Result<>{}; });
  (void)bus.publish(Sealed{});
  Books books;
  auto method = bus.subscribe(&Revenue::on, &books);

#ifdef GENERIC
  // refused: a generic or overloaded handler does not say which events it takes: name them
  auto wrong = bus.subscribe([](const auto&) {});
#endif
#ifdef NO_PARAMETER
  // refused: a handler takes `const Event&`, or `const Event&, Context&`
  auto wrong = bus.subscribe([] {});
#endif
#ifdef THREE_PARAMETERS
  // refused: a handler takes `const Event&`, or `const Event&, Context&`
  auto wrong = bus.subscribe([](const OrderPlaced&, tidings::Context&, int) {});
#endif
#ifdef MUTABLE_EVENT
  // refused: a handler's first parameter is its event, as const Event&
  auto wrong = bus.subscribe([](OrderPlaced&) {});
#endif
#ifdef POINTER
  // refused: a handler's first parameter is its event, as const Event&
  auto wrong = bus.subscribe([](const OrderPlaced*) {});
#endif
#ifdef MOVED_EVENT
  // refused: a handler's first parameter is its event, as const Event&
  auto wrong = bus.subscribe([](OrderPlaced&&) {});
#endif
#ifdef CONTEXT_FIRST
  // refused: a handler's first parameter is its event, as const Event&
  auto wrong = bus.subscribe([](tidings::Context&, const OrderPlaced&) {});
#endif
#ifdef CONTEXT_BY_VALUE
  // refused: a handler's second parameter is tidings::Context&
  auto wrong = bus.subscribe([](const OrderPlaced&, const tidings::Context&) {});
#endif
#ifdef TWO_EVENTS
  // refused: a handler's second parameter is tidings::Context&
  auto wrong = bus.subscribe([](const OrderPlaced&, const OrderShipped&) {});
#endif
#ifdef RETURNS_BOOL
  // refused: a handler returns void or tidings::Result<>
  auto wrong = bus.subscribe([](const OrderPlaced&) { return true; });
#endif
#ifdef RETURNS_ANOTHER_RESULT
  // refused: a handler returns void or tidings::Result<>
  auto wrong = bus.subscribe([](const OrderPlaced&) { return tidings::Result<int>{1}; });
#endif
#ifdef NOT_FOR_EVERY_EVENT
  // refused: this handler cannot be called with `const Event&` or `const Event&, Context&` for every event named
  auto wrong = bus.subscribe<OrderPlaced, OrderShipped>([](const OrderPlaced&) {});
#endif
#ifdef QUEUED_WITHOUT_COPY
  // refused: a queued subscriber gets a copy of its event, and this one cannot be copied
  auto wrong = bus.subscribe_queued({}, [](const Sealed&) {});
#endif
#ifdef QUEUED_GENERIC
  // refused: a generic or overloaded handler does not say which events it takes: name them
  auto wrong = bus.subscribe_queued({}, [](const auto&) {});
#endif
#ifdef MIDDLEWARE_OF_EVENTS
  // refused: middleware takes tidings::HandlerCall& and returns tidings::Result<>
  auto wrong = bus.use([](const OrderPlaced&) {});
#endif
#ifdef MIDDLEWARE_RETURNS_NOTHING
  // refused: middleware takes tidings::HandlerCall& and returns tidings::Result<>
  auto wrong = bus.use([](tidings::HandlerCall& call) { (void)call.next(); });
#endif
#ifdef NO_EVENT_NUMBER
  // refused: an event is a struct of its own, and no number, enum, union or array
  // names: int
  (void)bus.publish(3);
#endif
#ifdef NO_EVENT_TEXT
  // refused: an event is a struct of its own, and no text
  (void)bus.publish("placed");
#endif
#ifdef NO_EVENT_STRING
  // refused: an event is a struct of its own, and no text
  (void)bus.publish(std::string("placed"));
#endif
#ifdef NO_EVENT_POINTER
  // refused: an event is handed over by value or reference, and not by pointer: publish(*event)
  // names: OrderPlaced
  const OrderPlaced placed;
  (void)bus.publish(&placed);
#endif
#ifdef NO_EVENT_ANY
  // refused: an AnyEvent only refers to an event
  auto wrong = bus.subscribe([&](const tidings::AnyEvent& event) { (void)bus.publish(event); });
#endif
#ifdef NO_EVENT_CONTEXT
  // refused: a Context is no event
  auto wrong = bus.subscribe([&](const OrderPlaced&, tidings::Context& context) { (void)bus.publish(context); });
#endif
#ifdef NO_EVENT_THROUGH_CONTEXT
  // refused: an AnyEvent only refers to an event
  auto wrong =
      bus.subscribe([&](const tidings::AnyEvent& event, tidings::Context& context) { return context.publish(event); });
#endif
#ifdef NAMES_NO_EVENT
  // refused: an event is a struct of its own, and no number, enum, union or array
  // names: int
  auto wrong = bus.subscribe<int>([](const auto&) {});
#endif
#ifdef ONLY_DECLARED
  // refused: this event is only declared here: include the header that defines it
  // names: OrderReturned
  auto wrong = bus.subscribe([](const OrderReturned&) {});
#endif
#ifdef QUEUED_ONLY_DECLARED
  // refused: this event is only declared here: include the header that defines it
  // names: OrderReturned
  auto wrong = bus.subscribe_queued({}, [](const OrderReturned&) {});
#endif
#ifdef METHOD_WITHOUT_OBJECT
  // refused: a member function is subscribed with its object: subscribe(&Class::method, &object)
  auto wrong = bus.subscribe(&Revenue::on);
#endif
#ifdef METHOD_NAMED_WITHOUT_OBJECT
  // refused: a member function is subscribed with its object: subscribe(&Class::method, &object)
  auto wrong = bus.subscribe({.name = "revenue"}, &Revenue::on);
#endif
#ifdef METHOD_QUEUED_WITHOUT_OBJECT
  // refused: a member function is subscribed with its object: subscribe(&Class::method, &object)
  auto wrong = bus.subscribe_queued(&Revenue::on);
#endif
#ifdef METHOD_OF_SHARED
  // refused: a member function takes a pointer to its object, which outlives the handler: &object, or get()
  auto shared = std::make_shared<Revenue>();
  auto wrong = bus.subscribe(&Revenue::on, shared);
#endif
#ifdef METHOD_OF_VALUE
  // refused: a member function takes a pointer to its object
  Revenue value;
  auto wrong = bus.subscribe({.name = "revenue"}, &Revenue::on, value);
#endif
#ifdef METHOD_OF_CONST
  // refused: this member function cannot be called on its object: the object is const, and it is not
  const Revenue constant;
  auto wrong = bus.subscribe(&Revenue::on, &constant);
#endif
#ifdef METHOD_OF_ANOTHER
  // refused: this object is not of the member function's class
  OrderPlaced another;
  auto wrong = bus.subscribe_queued({}, &Revenue::on, &another);
#endif
#ifdef METHOD_OF_PRIVATE_BASE
  // refused: this member function cannot be called on its object
  Secret secret;
  auto wrong = bus.subscribe(&Revenue::on, &secret);
#endif
#ifdef METHOD_QUALIFIED
  // refused: this member function is qualified by & or &&
  Revenue value;
  auto wrong = bus.subscribe(&Revenue::on_lvalue, &value);
#endif
#ifdef METHOD_RETURNS_BOOL
  // refused: a handler returns void or tidings::Result<>
  Revenue value;
  auto wrong = bus.subscribe(&Revenue::judge, &value);
#endif
}

}  // namespace shop
