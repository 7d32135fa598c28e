// A saga whose own functions throw or fail for ever, or whose row cannot be read, is nobody else's trouble.
#include <algorithm>
#include <stdexcept>

#include "saga/store_testing.hpp"

namespace tidings::saga {
namespace {

using namespace shop;
using Ids = std::vector<std::string>;

/// Does as its order's number says.
struct Troubled {
  std::string order_id;
  int sent = 0;

  void begin(const OrderPlaced& order) { order_id = order.order_id; }
  [[nodiscard]] Result<ReserveStock> reserve() const { return ReserveStock{order_id}; }
  [[nodiscard]] Result<PaymentLate> nudge() const {
    if (order_id == "throws") throw std::runtime_error("no nudge");
    if (order_id == "throws a number") throw 7;
    if (order_id == "throws an error") throw ErrorException(Error{"no_nudge", "not now"});
    if (order_id == "unavailable") return Error{"unavailable", "the rates are away", Retry::same_call};
    return PaymentLate{order_id};
  }
  void reserved(const StockReserved&) {
    if (order_id == "throws") throw std::runtime_error("not reserved");
    ++sent;
  }
};

Definition troubled() {
  return define<Troubled>("checkout", {}, starts(&Troubled::begin),
                          step("reserve stock", send(&Troubled::reserve), done(&Troubled::reserved), no_undo(),
                               remind(25s, &Troubled::nudge)));
}

class SagaTroubleTest : public StoredSagaTest {
 protected:
  void run(const std::string& statement) {
    auto tx = store_->begin(10s).or_throw();
    tx->execute(statement).or_throw();
    tx->commit().or_throw();
  }
  void spoil(const std::string& id) {
    run("update " + tables_.name("sagas") + " set progress = '{' where id = '" + id + "'");
  }
  void all_begin(Coordinator& saga, const Ids& ids) {
    for (const auto& id : ids) come(saga, OrderPlaced{id, 100, false}).or_throw();
    sent();
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, SagaTroubleTest, ::testing::Values("sqlite", "postgres"));

TEST_P(SagaTroubleTest, ASenderThatThrowsOrFailsForEverHoldsUpNoOtherTimer) {
  auto saga = coordinator({troubled()});
  for (const std::string id : {"throws", "throws a number", "throws an error", "unavailable"}) {
    all_begin(*saga, {id, "z " + id});
    clock_.advance(25s);
    const auto fired = saga->fire_due();
    ASSERT_TRUE(fired) << id << ": " << to_string(fired.error());
    EXPECT_EQ(fired->failed, 1U) << id;
    EXPECT_EQ(sent(), (Ids{"saga/checkout/z " + id + "/reserve stock/remind/1"}));
    const auto waits = shown(id).waits;
    ASSERT_EQ(waits.size(), 1U);
    EXPECT_EQ(waits[0].attempts, 1) << "put off, and told of";
    run("delete from " + tables_.name("saga_timers"));
  }
}

TEST_P(SagaTroubleTest, AReactionThatThrowsFailsItsOwnEvent) {
  auto saga = coordinator({troubled()});
  all_begin(*saga, {"fine", "throws"});
  const std::vector<Envelope> events{event_of(StockReserved{"throws"}), event_of(StockReserved{"fine"})};
  const std::vector<EnvelopeView> views{events[0].view(), events[1].view()};
  const std::vector<const EnvelopeView*> both{&views[0], &views[1]};
  auto tx = store_->begin(10s).or_throw();
  const auto done = saga->handle(*tx, both).or_throw();
  tx->commit().or_throw();
  ASSERT_FALSE(done[0]);
  EXPECT_EQ(done[0].error().code, "handler_threw");
  EXPECT_EQ(done[0].error().retry, Retry::same_call);
  EXPECT_TRUE(*done[1]);
  EXPECT_EQ(shown("throws").instance.status, Status::running);
  EXPECT_EQ(shown("fine").instance.status, Status::completed);
}

TEST_P(SagaTroubleTest, ARowThatCannotBeReadHoldsUpNoOtherTimer) {
  auto saga = coordinator({troubled()});
  all_begin(*saga, {"a", "b", "c"});
  spoil("b");
  clock_.advance(25s);
  const auto fired = saga->fire_due();
  ASSERT_TRUE(fired) << to_string(fired.error());
  EXPECT_EQ(fired->fired, 2U);
  EXPECT_EQ(fired->failed, 1U);
  EXPECT_EQ(sent().size(), 2U);
  EXPECT_EQ(saga->fire_due()->failed, 0U) << "put off";
}

TEST_P(SagaTroubleTest, ARowThatCannotBeReadFailsItsOwnEvents) {
  auto saga = coordinator({troubled()});
  all_begin(*saga, {"a", "b"});
  spoil("a");
  const std::vector<Envelope> events{event_of(StockReserved{"a"}), event_of(StockReserved{"b"})};
  const std::vector<EnvelopeView> views{events[0].view(), events[1].view()};
  const std::vector<const EnvelopeView*> both{&views[0], &views[1]};
  auto tx = store_->begin(10s).or_throw();
  const auto done = saga->handle(*tx, both);
  ASSERT_TRUE(done) << to_string(done.error());
  tx->commit().or_throw();
  ASSERT_FALSE((*done)[0]);
  EXPECT_EQ((*done)[0].error().code, "corrupt");
  EXPECT_TRUE(*(*done)[1]);
  EXPECT_EQ(shown("b").instance.status, Status::completed);
  const auto steered = saga->steer("a", Steering::abandon);
  ASSERT_FALSE(steered);
  EXPECT_EQ(steered.error().code, "corrupt");
}

TEST_P(SagaTroubleTest, ARowThatCannotBeReadIsListedAsSuch) {
  auto saga = coordinator({troubled()});
  all_begin(*saga, {"a", "b", "c"});
  spoil("b");
  run("update " + tables_.name("sagas") + " set status = 'frozen' where id = 'c'");
  const auto all = list(*store_, {.type = "checkout"}, tables_);
  ASSERT_TRUE(all) << to_string(all.error());
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ((*all)[0].unreadable, "");
  EXPECT_EQ((*all)[1].id, "b");
  EXPECT_NE((*all)[1].unreadable.find("progress"), std::string::npos) << (*all)[1].unreadable;
  EXPECT_NE((*all)[2].unreadable.find("'frozen'"), std::string::npos) << (*all)[2].unreadable;
  EXPECT_TRUE((*all)[2].steps.empty());
  EXPECT_EQ(show(*store_, "checkout", "b", tables_).error().code, "corrupt");
}

}  // namespace
}  // namespace tidings::saga
