#include "tidings/saga/description.hpp"

#include <gtest/gtest.h>

#include "saga/testing.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings::saga {
namespace {

using namespace shop;
using namespace std::chrono_literals;

Definition checkout() {
  return define<Checkout>("checkout", {.version = 2}, starts(&Checkout::begin),
                          parallel(step("reserve stock", send(&Checkout::reserve), done<StockReserved>(),
                                        failed<StockRejected>(), undo(&Checkout::release), within(30s), retries(2)),
                                   step("charge payment", send(&Checkout::charge), done<PaymentRefunded>(), no_undo())),
                          pivot(), step("ship: it", send(&Checkout::ship), done<Shipped>(), within(1h)),
                          completes(&Checkout::confirmed), within(24h));
}

TEST(SagaDescription, SaysWhatTheDefinitionSays) {
  const auto told = describe(checkout());
  EXPECT_EQ(told.name, "checkout");
  EXPECT_EQ(told.version, 2);
  ASSERT_EQ(told.starts.size(), 1U);
  EXPECT_EQ(told.starts[0].type, event_name<OrderPlaced>());
  ASSERT_EQ(told.steps.size(), 3U);
  const auto& reserve = told.steps[0];
  EXPECT_EQ(reserve.act.sends.topic, event_topic<ReserveStock>());
  ASSERT_EQ(reserve.act.done.size(), 1U);
  EXPECT_EQ(reserve.act.done[0].type, event_name<StockReserved>());
  ASSERT_EQ(reserve.act.failed.size(), 1U);
  EXPECT_EQ(reserve.act.within, "30s");
  EXPECT_EQ(reserve.act.retries, 2);
  ASSERT_TRUE(reserve.undo);
  EXPECT_EQ(reserve.undo->sends.type, event_name<ReleaseStock>());
  EXPECT_TRUE(told.steps[1].needs_no_undo);
  EXPECT_FALSE(told.steps[1].undo);
  EXPECT_EQ(told.steps[1].act.within, "") << "for ever";
  EXPECT_EQ(told.steps[0].stage, told.steps[1].stage);
  EXPECT_EQ(told.steps[2].stage, 1U);
  EXPECT_EQ(told.pivot, std::optional<std::uint32_t>(1));
  EXPECT_EQ(told.completes.size(), 1U);
  EXPECT_EQ(told.within, "1d");

  std::string json;
  ASSERT_TRUE(JsonCodec::encode(told, json));
  EXPECT_EQ(JsonCodec::decode<Description>(json).or_throw(), told);
}

TEST(SagaDescription, IsDrawn) {
  const auto drawn = to_mermaid(describe(checkout()));
  for (const auto* const line :
       {"stateDiagram-v2\n  state fork0 <<fork>>\n  state join0 <<join>>\n", "  fork0 --> s0\n",
        "  pivot: from here on nothing is undone\n  join0 --> pivot\n", "  pivot --> s2\n", "  undoing --> u0\n",
        "  u0 --> failed\n", "  failed --> [*]\n", "  completed --> [*]\n"})
    EXPECT_NE(drawn.find(line), drawn.npos) << line << "in:\n" << drawn;
  EXPECT_NE(drawn.find("  [*] --> fork0: " + std::string(event_name<OrderPlaced>())), drawn.npos) << drawn;
  EXPECT_NE(
      drawn.find("s0 --> undoing: " + std::string(event_name<StockRejected>()) + " or nothing within 30s, 3 times"),
      drawn.npos)
      << drawn;
  EXPECT_NE(drawn.find("  s2: ship  it, sends"), drawn.npos) << "a colon would end the name: " << drawn;
  EXPECT_EQ(drawn.find("s2 --> undoing"), drawn.npos) << "behind the pivot nothing is undone";
}

TEST(SagaDescription, WhatIsUndoneAtOnceIsDrawnSo) {
  const auto drawn = to_mermaid(describe(define<Checkout>(
      "checkout", {}, starts(&Checkout::begin),
      parallel(step("stock", send(&Checkout::reserve), done<StockReserved>(), undo(&Checkout::release), within(1s)),
               step("payment", send(&Checkout::charge), done<PaymentCharged>(), undo(&Checkout::refund))))));
  EXPECT_NE(drawn.find("  undoing --> ufork0\n"), drawn.npos) << drawn;
  for (const std::string step : {"u0", "u1"}) {
    EXPECT_NE(drawn.find("  ufork0 --> " + step + "\n"), drawn.npos) << drawn;
    EXPECT_NE(drawn.find("  " + step + " --> ujoin0\n"), drawn.npos) << drawn;
  }
  EXPECT_NE(drawn.find("  ujoin0 --> failed\n"), drawn.npos) << drawn;
}

TEST(SagaDescription, AnInstanceIsDrawnAsItStands) {
  Instance instance;
  instance.status = Status::completed;
  instance.steps = {{.name = "reserve stock", .status = StepStatus::done},
                    {.name = "ship;", .status = StepStatus::sent}};
  EXPECT_EQ(to_mermaid(instance),
            "stateDiagram-v2\n  s0: reserve stock (done)\n  [*] --> s0\n  s1: ship  (sent)\n  s0 --> s1\n"
            "  s1 --> [*]: completed\n");
}

}  // namespace
}  // namespace tidings::saga
