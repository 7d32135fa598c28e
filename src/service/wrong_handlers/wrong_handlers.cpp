// Handlers that must not compile, each with one sentence that says why; cmake/Refusals.cmake compiles each case.
#include "tidings/service/service.hpp"

struct A {
  std::string id;
  static constexpr tidings::traits<A> event{.key = &A::id};
};
struct B {
  std::string id;
  static constexpr tidings::traits<B> event{.key = &B::id};
};
struct Declared;
struct Stock {
  void on(const A&) {}
};
using tidings::Batch;
using tidings::Context;
using tidings::Transaction;

void wrong(tidings::Service& service) {
  service.on("fine", {}, [](const A&) {});
  service.on("fine", {}, [](const A&, Transaction&) {});
  service.on("fine", {}, [](const A&, Context&, Transaction&) {});
  service.on("fine", {}, [](Batch<A>&, Transaction&) {});
  service.on<A, B>("fine", {}, [](const auto&, Context&, Transaction&) {});
#ifdef GENERIC
  // refused: tidings: a generic or overloaded handler does not say which events it takes
  service.on("generic", {}, [](const auto&) {});
#endif
#ifdef NO_FUNCTION
  // refused: tidings: a generic or overloaded handler does not say which events it takes
  service.on("no_function", {}, 5);
#endif
#ifdef RETURNS_BOOL
  // refused: tidings: a handler returns void or tidings::Result<>
  service.on("bool", {}, [](const A&) { return true; });
#endif
#ifdef GENERIC_RETURNS_BOOL
  // refused: tidings: a handler returns void or tidings::Result<>
  service.on<A, B>("generic_bool", {}, [](const auto&) { return true; });
#endif
#ifdef BATCH_RETURNS_BOOL
  // refused: tidings: a handler returns void or tidings::Result<>
  service.on("batch_bool", {}, [](const Batch<A>&) { return true; });
#endif
#ifdef MUTABLE
  // refused: tidings: a handler's first parameter is its event, as const Event&
  service.on("mutable", {}, [](A&) {});
#endif
#ifdef POINTER
  // refused: tidings: a handler's first parameter is its event, as const Event&
  service.on("pointer", {}, [](const A*) {});
#endif
#ifdef SWAPPED
  // refused: tidings: a handler's first parameter is its event, as const Event&
  service.on("swapped", {}, [](Context&, const A&) {});
#endif
#ifdef CONST_CONTEXT
  // refused: tidings: a handler's second parameter is tidings::Context&, or tidings::Transaction&
  service.on("const_context", {}, [](const A&, const Context&) {});
#endif
#ifdef TRANSACTION_BEFORE_CONTEXT
  // refused: tidings: a handler's second parameter is tidings::Context&, or tidings::Transaction&, or the one and then
  // the other
  service.on("transaction_before_context", {}, [](const A&, Transaction&, Context&) {});
#endif
#ifdef CONST_TRANSACTION
  // refused: tidings: a handler's second parameter is tidings::Context&, or tidings::Transaction&
  service.on("const_transaction", {}, [](const A&, const Transaction&) {});
#endif
#ifdef FOUR
  // refused: tidings: a handler takes (const Event&), (const Event&, Context&) or (const Batch<Event>&)
  service.on("four", {}, [](const A&, Context&, Transaction&, int) {});
#endif
#ifdef ONE_MISSING
  // refused: tidings: this handler cannot be called with (const Event&) or (const Event&, Context&) for every event
  service.on<A, B>("one_missing", {}, [](const A&) {});
#endif
#ifdef BATCH_WITH_CONTEXT
  // refused: tidings: a handler of a Batch takes nothing else but a Transaction&
  service.on("batch_with_context", {}, [](const Batch<A>&, Context&) {});
#endif
#ifdef ONLY_DECLARED
  // refused: tidings: this event is only declared here: include the header that defines it
  // names: Declared
  service.on("only_declared", {}, [](const Declared&) {});
#endif
#ifdef METHOD_OF_CONST
  // refused: tidings: this member function cannot be called on its object: the object is const, and it is not
  const Stock stock;
  service.on("method_of_const", {}, &Stock::on, &stock);
#endif
#ifdef PUBLISHES_A_BATCH
  // refused: tidings: a Batch is no event, but holds some
  service.on("publishes_a_batch", {}, [&](const Batch<A>& batch) { return service.publish(batch); });
#endif
#ifdef MIDDLEWARE_RETURNS_NOTHING
  // refused: tidings: middleware takes tidings::DeliveryCall& and returns tidings::Result<>
  service.use("returns_nothing", [](tidings::DeliveryCall&) {});
#endif
}
