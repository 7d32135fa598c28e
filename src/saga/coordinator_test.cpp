// A saga over a store: one transaction a transition.
#include "saga/store_testing.hpp"

namespace tidings::saga {
namespace {

using namespace shop;
using Ids = std::vector<std::string>;

const OrderPlaced placed{"o1", 100, false};
const PaymentCharged charged{"p1", "o1"};

class CoordinatorTest : public StoredSagaTest {};
INSTANTIATE_TEST_SUITE_P(Stores, CoordinatorTest, ::testing::Values("sqlite", "postgres"));

TEST_P(CoordinatorTest, GoesForwardAndKeepsWhatHappened) {
  auto saga = coordinator({checkout()});
  EXPECT_FALSE(come(*saga, StockReserved{"o1"}).or_throw()) << "nothing has begun";
  EXPECT_TRUE(come(*saga, placed).or_throw());
  EXPECT_EQ(sent(), (Ids{"saga/checkout/o1/reserve stock/do", "saga/checkout/o1/charge payment/do"}));
  clock_.advance(1s);
  EXPECT_TRUE(come(*saga, charged).or_throw());
  EXPECT_FALSE(come(*saga, charged).or_throw()) << "again";
  EXPECT_FALSE(come(*saga, placed).or_throw()) << "again";
  const auto now = shown();
  EXPECT_EQ(now.instance.status, Status::running);
  EXPECT_EQ(now.instance.revision, 2);
  EXPECT_EQ(now.instance.updated_at - now.instance.started_at, 1s);
  ASSERT_EQ(now.waits.size(), 2U) << "stock's time-out, and the deadline of the whole";
  EXPECT_EQ(now.waits[0].step, "reserve stock");
  EXPECT_EQ(now.waits[0].due - now.instance.started_at, 30s);
  EXPECT_TRUE(come(*saga, StockReserved{"o1"}).or_throw());
  EXPECT_EQ(sent(), (Ids{"saga/checkout/o1/ship/do"}));
  EXPECT_TRUE(come(*saga, Shipped{"o1"}).or_throw());
  EXPECT_EQ(sent(), (Ids{"saga/checkout/o1/completed"}));
  const auto end = shown();
  EXPECT_EQ(end.instance.status, Status::completed);
  EXPECT_TRUE(end.waits.empty());
  Ids what;
  for (const auto& note : end.history) what.push_back(note.what + (note.step.empty() ? "" : " " + note.step));
  EXPECT_EQ(what, (Ids{"started", "sent reserve stock", "sent charge payment", "done charge payment",
                       "done reserve stock", "sent ship", "done ship", "completed"}));
  EXPECT_EQ(end.history[3].cause_type, "shop.payment-charged");
  EXPECT_EQ(saga->next_due().or_throw(), std::nullopt);
}

TEST_P(CoordinatorTest, WhatIsRolledBackLeavesNothing) {
  auto saga = coordinator({checkout()});
  const auto before = counts();
  {
    auto tx = store_->begin(10s).or_throw();
    EXPECT_TRUE(saga->handle(*tx, event_of(placed).view()).or_throw());
  }
  EXPECT_EQ(counts(), before);
  EXPECT_TRUE(come(*saga, placed).or_throw());
  const auto begun = counts();
  {
    auto tx = store_->begin(10s).or_throw();
    EXPECT_TRUE(saga->handle(*tx, event_of(StockRejected{"o1", "none"}).view()).or_throw());
  }
  EXPECT_EQ(counts(), begun);
  EXPECT_EQ(shown().instance.status, Status::running);
}

TEST_P(CoordinatorTest, TheTraceInWhichItBeganIsKept) {
  auto saga = coordinator({checkout()});
  auto order = event_of(placed);
  order.trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  auto tx = store_->begin(10s).or_throw();
  ASSERT_TRUE(saga->handle(*tx, order.view()).or_throw());
  tx->commit().or_throw();
  EXPECT_EQ(shown().instance.trace_parent, order.trace_parent);
}

/// The database goes at every statement of a transition, and at its commit; then it comes back.
TEST_P(CoordinatorTest, AFailureAtAnyStatementLeavesNothingAndIsMadeUpFor) {
  StoreThatFails failing(*store_);
  auto saga = coordinator({checkout()}, failing);
  const std::vector<std::function<Result<>()>> steps{[&]() -> Result<> {
                                                       auto d = come(*saga, placed);
                                                       return d ? Result<>{} : d.error();
                                                     },
                                                     [&]() -> Result<> {
                                                       auto d = come(*saga, charged);
                                                       return d ? Result<>{} : d.error();
                                                     },
                                                     [&]() -> Result<> {
                                                       auto d = saga->fire_due();
                                                       return d ? Result<>{} : d.error();
                                                     },
                                                     [&]() -> Result<> {
                                                       auto d = come(*saga, StockRejected{"o1", "none"});
                                                       return d ? Result<>{} : d.error();
                                                     }};
  int failures = 0;
  for (std::size_t at = 0; at < steps.size(); ++at) {
    if (at == 2) clock_.advance(30s);
    const auto before = counts();
    for (int statement = 1;; ++statement) {
      failing.fails_at = statement;
      failing.has_failed = false;
      const auto done = steps[at]();
      if (!failing.has_failed) {
        EXPECT_TRUE(done) << to_string(done.error());
        break;
      }
      ++failures;
      ASSERT_FALSE(done) << "step " << at << " statement " << statement;
      ASSERT_EQ(counts(), before) << "step " << at << " statement " << statement;
      failing.fails_at = 0;
      failing.at_commit = true;
      ASSERT_FALSE(steps[at]());
      failing.at_commit = false;
      ASSERT_EQ(counts(), before);
    }
  }
  EXPECT_GT(failures, 20);
  EXPECT_EQ(shown().instance.status, Status::failed);
  EXPECT_EQ(sent(), (Ids{"saga/checkout/o1/reserve stock/do", "saga/checkout/o1/charge payment/do",
                         "saga/checkout/o1/reserve stock/do", "saga/checkout/o1/charge payment/undo",
                         "saga/checkout/o1/failed"}));
}

TEST_P(CoordinatorTest, FiresWhatIsDueAndNothingElse) {
  auto saga = coordinator({checkout()});
  EXPECT_EQ(saga->next_due().or_throw(), std::nullopt);
  for (const std::string id : {"a", "b", "c"}) come(*saga, OrderPlaced{id, 100, false}).or_throw();
  come(*saga, PaymentCharged{"p", "c"}).or_throw();
  sent();
  EXPECT_EQ(saga->next_due().or_throw(), clock_.now() + 25s);
  EXPECT_EQ(saga->fire_due().or_throw().fired, 0U);
  clock_.advance(25s);
  auto fired = saga->fire_due(1).or_throw();
  EXPECT_EQ(fired.fired, 1U);
  EXPECT_TRUE(fired.has_more);
  fired = saga->fire_due().or_throw();
  EXPECT_EQ(fired.fired, 1U);
  EXPECT_FALSE(fired.has_more);
  EXPECT_EQ(sent().size(), 2U) << "two reminders";
  clock_.advance(5s);
  EXPECT_EQ(saga->fire_due().or_throw().fired, 3U);
  EXPECT_EQ(sent().size(), 3U) << "stock is asked for again";
  EXPECT_EQ(shown("c").instance.steps[0].attempts, 2);
}

struct Picky {
  std::string order_id;
  bool is_broken = false;
  void begin(const OrderPlaced& order) {
    order_id = order.order_id;
    is_broken = order.is_gift;
  }
  [[nodiscard]] Ship ship() const { return {order_id}; }
  [[nodiscard]] Result<PaymentLate> nudge() const {
    if (is_broken) return Error{"broken", "it cannot be said"};
    return PaymentLate{order_id};
  }
};

TEST_P(CoordinatorTest, ATimerThatFailsHoldsUpNoOther) {
  auto saga = coordinator(
      {define<Picky>("picky", {}, starts(&Picky::begin),
                     step("ship", send(&Picky::ship), done<Shipped>(), no_undo(), remind(10s, &Picky::nudge)))});
  come(*saga, OrderPlaced{"broken", 0, true}).or_throw();
  clock_.advance(1s);
  come(*saga, OrderPlaced{"whole", 0, false}).or_throw();
  sent();
  clock_.advance(10s);
  const auto fired = saga->fire_due().or_throw();
  EXPECT_EQ(fired.fired, 1U);
  EXPECT_EQ(fired.failed, 1U);
  EXPECT_EQ(sent(), (Ids{"saga/picky/whole/ship/remind/1"}));
  EXPECT_NE(log_.text().find("saga picky broken, timer remind of 'ship', again in 1s: broken: it cannot be said"),
            std::string::npos)
      << log_.text();
  EXPECT_EQ(saga->fire_due().or_throw().failed, 0U);
  clock_.advance(1s);
  EXPECT_EQ(saga->fire_due().or_throw().failed, 1U);
}

TEST_P(CoordinatorTest, StuckIsToldAndResumedByHand) {
  auto saga = coordinator({checkout()});
  for (const auto& done : {come(*saga, placed), come(*saga, StockReserved{"o1"}), come(*saga, charged)})
    ASSERT_TRUE(done);
  EXPECT_EQ(log_.text(), "");
  come(*saga, ShippingRefused{"o1"}).or_throw();
  EXPECT_NE(log_.text().find("saga checkout o1 is stuck: step 'ship' failed: shop.shipping-refused"), std::string::npos)
      << log_.text();
  EXPECT_EQ(list(*store_, {.type = "checkout", .status = Status::stuck}, tables_).or_throw().size(), 1U);
  sent();
  saga->steer("o1", Steering::resume).or_throw();
  EXPECT_EQ(sent(), (Ids{"saga/checkout/o1/ship/do/2"}));
  EXPECT_EQ(saga->steer("o1", Steering::resume).error().code, "not_stuck");
  EXPECT_EQ(saga->steer("o2", Steering::resume).error().code, "unknown_saga");
}

/// In the transaction in which it becomes so, once, and again when it is stuck anew.
TEST_P(CoordinatorTest, StuckIsPublished) {
  StoreThatFails failing(*store_);
  const auto saga =
      Coordinator::make(failing, {checkout()},
                        {.source = "orders", .tables = tables_, .clock = &clock_, .log = &log_, .tells_stuck = true})
          .or_throw();
  for (const auto& done : {come(*saga, placed), come(*saga, StockReserved{"o1"}), come(*saga, charged)})
    ASSERT_TRUE(done);
  sent();
  failing.at_commit = true;
  ASSERT_FALSE(come(*saga, ShippingRefused{"o1"}));
  EXPECT_EQ(sent(), Ids{}) << "it is not stuck";
  failing.at_commit = false;
  ASSERT_TRUE(come(*saga, ShippingRefused{"o1"}).or_throw());
  struct Row {
    std::string topic;
    std::string type;
    std::string payload;
  };
  {
    auto tx = store_->begin(10s).or_throw();
    const auto rows =
        tx->query<Row>("select topic, type, " +
                       std::string(store_->dialect() == SqlDialect::sqlite ? "cast(payload as text)"
                                                                           : "convert_from(payload, 'UTF8')") +
                       " as payload from " + tables_.name("outbox"))
            .or_throw();
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].topic, "tidings.saga-alerts");
    EXPECT_EQ(rows[0].type, "tidings.saga-stuck");
    EXPECT_EQ(rows[0].payload,
              R"({"saga":"checkout","id":"o1","version":1,"step":"ship","reason":"step 'ship' failed: )"
              R"(shop.shipping-refused","backward":false,"revision":4})");
  }
  EXPECT_EQ(sent(), Ids{"saga/checkout/o1/stuck/4"});
  come(*saga, ShippingRefused{"o1"}).or_throw();
  clock_.advance(2h);
  saga->fire_due().or_throw();
  EXPECT_EQ(sent(), Ids{}) << "it has been told of";
  saga->steer("o1", Steering::resume).or_throw();
  clock_.advance(1h);
  saga->fire_due().or_throw();
  EXPECT_EQ(sent(), (Ids{"saga/checkout/o1/ship/do/2", "saga/checkout/o1/stuck/6"}));
}

/// As tools do it, which know no definitions.
TEST_P(CoordinatorTest, WhatAToolAsksForIsDoneByTheCoordinator) {
  auto saga = coordinator({checkout()});
  come(*saga, placed).or_throw();
  sent();
  EXPECT_EQ(request(*store_, "checkout", "o2", Steering::resume, tables_).error().code, "unknown_saga");
  request(*store_, "checkout", "o1", Steering::resume, tables_).or_throw();
  EXPECT_LE(saga->next_due().or_throw().value(), clock_.now());
  EXPECT_EQ(saga->fire_due().or_throw().fired, 1U);
  EXPECT_NE(log_.text().find("asked to resume: not_stuck"), std::string::npos) << log_.text();
  request(*store_, "checkout", "o1", Steering::compensate, tables_).or_throw();
  EXPECT_EQ(shown().waits.front().kind, "compensate");
  saga->fire_due().or_throw();
  EXPECT_EQ(sent(), (Ids{"saga/checkout/o1/reserve stock/undo", "saga/checkout/o1/charge payment/undo"}));
  request(*store_, "checkout", "o1", Steering::abandon, tables_).or_throw();
  saga->fire_due().or_throw();
  EXPECT_EQ(shown().instance.status, Status::abandoned);
  EXPECT_TRUE(shown().waits.empty());
}

TEST_P(CoordinatorTest, InstancesStayWithTheirDefinition) {
  const auto second = define<Checkout>("checkout", {.version = 2}, starts(&Checkout::begin),
                                       step("ship", send(&Checkout::ship), done<Shipped>(), no_undo()),
                                       completes(&Checkout::confirmed));
  auto old_one = coordinator({checkout()});
  come(*old_one, placed).or_throw();
  auto both = coordinator({second, checkout()});
  come(*both, OrderPlaced{"o2", 100, false}).or_throw();
  EXPECT_EQ(shown("o1").instance.definition, 1);
  EXPECT_EQ(shown("o2").instance.definition, 2);
  EXPECT_TRUE(come(*both, charged).or_throw());
  EXPECT_TRUE(come(*both, Shipped{"o2"}).or_throw());
  EXPECT_EQ(shown("o2").instance.status, Status::completed);

  const auto unknown = come(*coordinator({second}), Shipped{"o1"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, "unknown_definition");
  EXPECT_EQ(unknown.error().retry, Retry::same_call);
  clock_.advance(1h);
  EXPECT_EQ(coordinator({second})->fire_due().or_throw().fired, 0U) << "who knows it fires it";
  EXPECT_EQ(coordinator({second})->next_due().or_throw(), std::nullopt);

  const auto changed = define<Checkout>("checkout", {.version = 1}, starts(&Checkout::begin),
                                        step("ship", send(&Checkout::ship), done<Shipped>(), no_undo()));
  EXPECT_EQ(come(*coordinator({changed}), Shipped{"o1"}).error().code, "changed_definition");
}

TEST_P(CoordinatorTest, RefusesWhatCannotBeRun) {
  const auto make = [&](std::vector<Definition> versions) {
    const auto made = Coordinator::make(*store_, std::move(versions));
    return made ? std::string("fine") : made.error().code;
  };
  EXPECT_EQ(make({}), "invalid_saga");
  EXPECT_EQ(make({checkout(), checkout()}), "invalid_saga");
  EXPECT_EQ(make({define<Checkout>("empty", {})}), "invalid_saga");
  EXPECT_EQ(make({checkout(), checkout(2)}), "fine");
}

TEST_P(CoordinatorTest, ListsByPages) {
  auto saga = coordinator({checkout()});
  for (const std::string id : {"a", "b", "c"}) come(*saga, OrderPlaced{id, 100, false}).or_throw();
  come(*saga, StockRejected{"b", "none"}).or_throw();
  const auto ids = [&](const ListFilter& filter) {
    Ids all;
    for (const auto& one : list(*store_, filter, tables_).or_throw()) all.push_back(one.id);
    return all;
  };
  EXPECT_EQ(ids({.limit = 2}), (Ids{"a", "b"}));
  EXPECT_EQ(ids({.after_type = "checkout", .after_id = "b"}), (Ids{"c"}));
  EXPECT_EQ(ids({.status = Status::running}), (Ids{"a", "c"}));
  EXPECT_EQ(ids({.type = "other"}), Ids{});
  EXPECT_FALSE(show(*store_, "checkout", "none", tables_).or_throw());
  {
    auto tx = store_->begin(10s).or_throw();
    for (const auto* const type : {"billing", "refund"})
      tx->execute("update " + tables_.name("sagas") + " set type = $1 where id = $2", std::string_view(type),
                  std::string_view(type == std::string_view("billing") ? "a" : "b"))
          .or_throw();
    tx->commit().or_throw();
  }
  EXPECT_EQ(types(*store_, 100, tables_).or_throw(), (Ids{"billing", "checkout", "refund"}));
  EXPECT_EQ(types(*store_, 2, tables_).or_throw(), (Ids{"billing", "checkout"}));
}

struct Marked {
  std::string card = "4111";
  static constexpr auto redacted = redact<&Marked::card>;
  void begin(const OrderPlaced&) {}
  [[nodiscard]] Result<ReserveStock> reserve() const { return ReserveStock{card}; }
  void reserved(const StockReserved&) {}
};

// So that tools, which know no types, show it to nobody.
TEST_P(CoordinatorTest, WhatTheStatesClassMarksStandsBesideIt) {
  auto saga =
      coordinator({define<Marked>("checkout", {}, starts(&Marked::begin),
                                  step("reserve stock", send(&Marked::reserve), done(&Marked::reserved), no_undo()))});
  come(*saga, OrderPlaced{"a", 100, false}).or_throw();
  const auto shown = show(*store_, "checkout", "a", tables_).or_throw();
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->instance.redacted, "/card");
  EXPECT_NE(shown->instance.state.find("4111"), std::string::npos);
}

TEST_P(CoordinatorTest, WhatIsOverIsForgottenInTime) {
  auto saga = coordinator({checkout()});
  for (const std::string id : {"a", "b", "c"}) come(*saga, OrderPlaced{id, 100, false}).or_throw();
  saga->steer("a", Steering::abandon).or_throw();
  clock_.advance(1h);
  saga->steer("b", Steering::abandon).or_throw();
  EXPECT_EQ(clean_up(*store_, 30min, 10, tables_, clock_).or_throw(), 1U);
  EXPECT_EQ(clean_up(*store_, 30min, 10, tables_, clock_).or_throw(), 0U);
  EXPECT_FALSE(show(*store_, "checkout", "a", tables_).or_throw());
  EXPECT_EQ(list(*store_, {}, tables_).or_throw().size(), 2U);
  EXPECT_EQ(count("saga_history"), 7) << "three of each that began, and one of the end";
}

/// A wish that comes when it is over is refused; one that came just before its end goes with it.
TEST_P(CoordinatorTest, NothingThatWasAskedForOutlivesItsSaga) {
  auto saga = coordinator({checkout()});
  come(*saga, placed).or_throw();
  saga->steer("o1", Steering::abandon).or_throw();
  EXPECT_EQ(request(*store_, "checkout", "o1", Steering::compensate, tables_).error().code, "saga_over");
  {
    auto tx = store_->begin(10s).or_throw();
    Ledger(store_->dialect(), tables_).ask(*tx, "checkout", "o1", Steering::compensate).or_throw();
    tx->commit().or_throw();
  }
  clock_.advance(1h);
  EXPECT_EQ(clean_up(*store_, 30min, 10, tables_, clock_).or_throw(), 1U);
  come(*saga, placed).or_throw();
  saga->fire_due().or_throw();
  EXPECT_EQ(shown().instance.status, Status::running) << "it is another one";
}

TEST_P(CoordinatorTest, TablesAreMadeOnce) {
  EXPECT_TRUE(saga::apply_schema(*store_, tables_));
  auto tx = store_->begin(10s).or_throw();
  tx->execute("update " + tables_.name("saga_schema") + " set version = 99").or_throw();
  tx->commit().or_throw();
  EXPECT_EQ(saga::apply_schema(*store_, tables_).error().code, "newer_version");
  EXPECT_NE(saga::schema_sql(store_->dialect(), tables_).find("create table " + tables_.name("sagas")),
            std::string::npos);
}

}  // namespace
}  // namespace tidings::saga
