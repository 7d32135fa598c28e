// A definition that cannot be run says so, with the saga's and the step's name.
#include <gtest/gtest.h>

#include "saga/testing.hpp"

namespace tidings::saga {
namespace {

using namespace std::chrono_literals;
using namespace shop;

template <class... Parts>
std::string wrong(Parts... parts) {
  const auto checked = define<Checkout>("checkout", {}, std::move(parts)...).check();
  if (checked) return "fine";
  EXPECT_EQ(checked.error().code, "invalid_saga");
  EXPECT_EQ(checked.error().retry, Retry::never);
  return checked.error().message;
}

auto begin() {
  return starts(&Checkout::begin);
}
template <class... Clauses>
auto reserve(Clauses... clauses) {
  return step("reserve", send(&Checkout::reserve), done<StockReserved>(), std::move(clauses)...);
}
auto release() {
  return undo(&Checkout::release);
}

TEST(SagaDefinition, WhatCanBeRunIsFine) {
  EXPECT_TRUE(checkout().check());
  EXPECT_EQ(checkout().version(), 1);
  EXPECT_EQ(checkout().kinds().size(), 10U);
  EXPECT_EQ(wrong(begin(), reserve(no_undo())), "fine");
  EXPECT_EQ(wrong(begin(), pivot(), reserve()), "fine") << "behind the pivot nothing is undone";
}

TEST(SagaDefinition, SaysWhatIsWrongAndWhere) {
  const std::string in_step = "saga 'checkout', step 'reserve': ";
  EXPECT_EQ(wrong(reserve(release())), "saga 'checkout': nothing starts it; say saga::starts");
  EXPECT_EQ(wrong(begin()), "saga 'checkout': it has no steps");
  EXPECT_EQ(wrong(begin(), step("reserve", send(&Checkout::reserve), failed(&Checkout::rejected), release())),
            in_step + "nothing can complete it; say saga::done");
  EXPECT_EQ(wrong(begin(), step("reserve", done<StockReserved>(), release())),
            in_step + "it sends nothing; say saga::send");
  EXPECT_EQ(wrong(begin(), reserve()),
            in_step +
                "it stands before the pivot and has no compensation; say saga::undo, or saga::no_undo() where none is "
                "needed");
  EXPECT_EQ(wrong(begin(), reserve(), pivot()), wrong(begin(), reserve()));
  EXPECT_EQ(wrong(begin(), reserve(release(), no_undo())),
            in_step + "it has a compensation, and says that none is needed");
  EXPECT_EQ(wrong(begin(), reserve(release()), reserve(release())), in_step + "two steps have this name");
  EXPECT_EQ(
      wrong(begin(),
            parallel(reserve(release()), step("other", send(&Checkout::ship), done<StockReserved>(), no_undo()))),
      "saga 'checkout', step 'other': it waits for shop.stock-reserved at the same time as step 'reserve'; answer "
      "each with an event of its own");
  EXPECT_EQ(wrong(begin(), reserve(release(), failed<StockReserved>())),
            in_step + "shop.stock-reserved answers it twice");
  EXPECT_EQ(wrong(begin(), pivot(), reserve(release()), pivot()),
            "saga 'checkout': it has two pivots, and can turn back before one alone");
  EXPECT_EQ(wrong(begin(), reserve(release(), retries(3))),
            in_step + "retries need a time-out after which to try again; say saga::within");
  EXPECT_EQ(wrong(begin(), reserve(undo(&Checkout::release, done<StockReleased>(), retries(3)))),
            in_step + "its compensation: retries need a time-out after which to try again; say saga::within");
  EXPECT_EQ(wrong(begin(), reserve(undo(&Checkout::release, within(3s)))),
            in_step + "its compensation waits for an answer that nothing gives; say saga::done in its undo");
  EXPECT_EQ(wrong(begin(), step("", send(&Checkout::reserve), done<StockReserved>(), release())),
            "saga 'checkout': a step has no name; instances in the store are known by it");
  EXPECT_EQ(wrong(begin(), reserve(release(), send(&Checkout::ship))),
            in_step + "a clause that may stand once stands twice");
  EXPECT_EQ(wrong(begin(), reserve(release(), within(-1s))), in_step + "a time-out cannot be negative");
  EXPECT_EQ(wrong(begin(), reserve(release(), remind(0s, &Checkout::nudge))),
            in_step + "the time between reminders must be above nothing");
  EXPECT_EQ(wrong(begin(), reserve(release()), cancels<StockReserved>()),
            "saga 'checkout': shop.stock-reserved cancels it, and answers step 'reserve'");
  EXPECT_EQ(wrong(begin(), begin(), reserve(release())), "saga 'checkout': shop.order-placed starts it twice");
  EXPECT_EQ(wrong(begin(), reserve(release()), cancels<OrderPlaced>()),
            "saga 'checkout': shop.order-placed starts it, and cancels it");
  EXPECT_EQ(wrong(begin(), reserve(release()), cancels<OrderCancelled>(), cancels<OrderCancelled>()),
            "saga 'checkout': shop.order-cancelled cancels it twice");
  EXPECT_EQ(wrong(begin(), parallel()), "saga 'checkout': it has no steps");
  EXPECT_NE(define<Checkout>("", {}, begin(), reserve(release())).check().error().message.find("saga"),
            std::string::npos);
  EXPECT_FALSE(define<Checkout>("a.b", {}, begin(), reserve(release())).check());
  EXPECT_FALSE(define<Checkout>("a", {.version = 0}, begin(), reserve(release())).check());
}

struct Nobodys {
  std::string text;
  static constexpr tidings::traits<Nobodys> event{.name = "test.nobodys", .topic = "t", .key = tidings::unordered};
};

TEST(SagaDefinition, EveryEventSaysWhichSagaItIsFor) {
  EXPECT_EQ(wrong(begin(), step("reserve", send(&Checkout::reserve), done<Nobodys>(), release())),
            "saga 'checkout': event test.nobodys has no key, so that nothing says which saga it is for; say "
            "saga::by(&Event::member)");
  EXPECT_EQ(wrong(begin(), step("reserve", send(&Checkout::reserve), done<Nobodys>(by(&Nobodys::text)), release())),
            "fine");
  EXPECT_EQ(
      wrong(begin(), reserve(release()),
            step("other", send(&Checkout::ship), done<StockReserved>(by(&StockReserved::order_id)), no_undo())),
      "saga 'checkout': event shop.stock-reserved is correlated by its key in one place and otherwise in another; "
      "say the same in both");
}

}  // namespace
}  // namespace tidings::saga
