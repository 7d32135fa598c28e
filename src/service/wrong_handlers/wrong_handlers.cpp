// Handlers that must not compile, each with one sentence that says why. CASE chooses; the tests of CMakeLists.txt read
// the compiler's message.
#include "tidings/service/service.hpp"

struct A {
  std::string id;
  static constexpr tidings::traits<A> event{.key = &A::id};
};
struct B {
  std::string id;
  static constexpr tidings::traits<B> event{.key = &B::id};
};
using tidings::Batch;
using tidings::Context;

void wrong(tidings::Service& service) {
#if CASE == 0
  service.on("fine", {}, [](const A&) {});
#elif CASE == 1
  service.on("generic", {}, [](const auto&) {});
#elif CASE == 2
  service.on("no_function", {}, 5);
#elif CASE == 3
  service.on("bool", {}, [](const A&) { return true; });
#elif CASE == 4
  service.on<A, B>("generic_bool", {}, [](const auto&) { return true; });
#elif CASE == 5
  service.on("batch_bool", {}, [](const Batch<A>&) { return true; });
#elif CASE == 6
  service.on("mutable", {}, [](A&) {});
#elif CASE == 7
  service.on("pointer", {}, [](const A*) {});
#elif CASE == 8
  service.on("swapped", {}, [](Context&, const A&) {});
#elif CASE == 9
  service.on("const_context", {}, [](const A&, const Context&) {});
#elif CASE == 10
  service.on("three", {}, [](const A&, Context&, int) {});
#elif CASE == 11
  service.on<A, B>("one_missing", {}, [](const A&) {});
#elif CASE == 12
  service.on("batch_with_context", {}, [](const Batch<A>&, Context&) {});
#endif
}
