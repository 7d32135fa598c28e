#include "tidings/outbox/enqueue.hpp"

#include "outbox/testing.hpp"
#include "tidings/event/context.hpp"

namespace tidings::outbox {

struct Placed {
  std::string order_id;
  int lines = 0;
  static constexpr tidings::traits<Placed> event{.name = "shop.placed", .topic = "orders", .key = &Placed::order_id};
};
struct Noted {
  std::string text;
  static constexpr tidings::traits<Noted> event{.name = "shop.noted"};
};

namespace {

class EnqueueTest : public OutboxTest {};
INSTANTIATE_TEST_SUITE_P(Stores, EnqueueTest, ::testing::ValuesIn(store_kinds()));

TEST_P(EnqueueTest, WhatIsCommittedIsThereAndWhatIsRolledBackIsNot) {
  {
    auto tx = store_->begin(10s).or_throw();
    put(*tx, "a", "k");
  }
  EXPECT_EQ(backlog(), 0);
  auto tx = store_->begin(10s).or_throw();
  put(*tx, "b", "k");
  tx->commit().or_throw();
  EXPECT_EQ(backlog(), 1);
}

TEST_P(EnqueueTest, AnEventComesOutAsItWentIn) {
  Envelope event = event_of("id-1", "k\xC3\xA4y 'quoted'");
  event.subject = "s";
  event.data_content_type = "text/plain";
  event.data_schema = "https://example.org/schema";
  event.correlation_id = "c";
  event.causation_id = "d";
  event.trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  event.time = TimePoint{Duration{1'700'000'000'123'456'789}};
  event.version = 7;
  event.headers.set("empty", "");
  event.payload = std::string("\0\xff\r\n", 4);
  {
    auto tx = store_->begin(10s).or_throw();
    enqueue_envelope(*tx, "orders", event.view(), {.tables = &tables_}).or_throw();
    Envelope bare;
    bare.id = "id-2";
    bare.type = "t";
    enqueue_envelope(*tx, "orders", bare.view(), {.tables = &tables_}).or_throw();
    tx->commit().or_throw();
  }
  auto engine = start(*store_, *broker_, options_);
  work(*engine);
  auto reader = broker_->subscribe("orders", {.group = {}}).or_throw();
  const auto all = reader->fetch(10, 1s).or_throw();
  ASSERT_EQ(all.size(), 2U);
  const auto& first = all[all[0].envelope.id == "id-1" ? 0 : 1];
  EXPECT_EQ(Envelope(first.envelope), event);
  EXPECT_EQ(all[all[0].envelope.id == "id-1" ? 1 : 0].envelope.payload, "");
}

TEST_P(EnqueueTest, ATypedEventHasItsTraits) {
  {
    auto tx = store_->begin(10s).or_throw();
    enqueue(*tx, Placed{"o-1", 3}, {.source = "shop", .tables = &tables_}).or_throw();
    enqueue(*tx, Noted{"n"}, {.topic = "notes", .tables = &tables_}).or_throw();
    tx->commit().or_throw();
  }
  auto engine = start(*store_, *broker_, options_);
  work(*engine);
  auto reader = broker_->subscribe("orders", {.group = {}}).or_throw();
  const auto all = reader->fetch(10, 1s).or_throw();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].envelope.type, "shop.placed");
  EXPECT_EQ(all[0].envelope.key, "o-1");
  EXPECT_EQ(all[0].envelope.source, "shop");
  EXPECT_EQ(decode_event<Placed>(all[0].envelope).or_throw().lines, 3);
  EXPECT_EQ(published("notes").size(), 1U);
}

TEST_P(EnqueueTest, ARefusalIsToldAndCannotBeCommittedUnnoticed) {
  const auto refused = [&](auto&& call) {
    auto tx = store_->begin(10s).or_throw();
    tx->execute(in_dialect("update @parts set next_sequence = 77", store_->dialect(), tables_)).or_throw();
    const Result<> done = call(*tx);
    if (done) return std::string("not refused");
    EXPECT_EQ(done.error().retry, Retry::never);
    const auto committed = tx->commit();
    EXPECT_FALSE(committed) << "the program did not look, and its changes went through without the event";
    if (!committed) {
      EXPECT_EQ(committed.error().code, "transaction_failed");
    }
    return done.error().code;
  };
  const auto& t = tables_;
  auto event = event_of("a", "k");
  EXPECT_EQ(refused([&](auto& tx) { return enqueue_envelope(tx, "no topic", event.view(), {.tables = &t}); }),
            "invalid_name");
  EXPECT_EQ(refused([&](auto& tx) { return enqueue_envelope(tx, "orders", EnvelopeView{}, {.tables = &t}); }),
            "invalid_event");
  EXPECT_EQ(refused([&](auto& tx) {
              return enqueue_envelope(tx, "orders", event.view(), {.event_bytes_max = 8, .tables = &t});
            }),
            "too_large");
  event.payload = std::string(std::size_t{1} << 20, 'x');
  EXPECT_EQ(refused([&](auto& tx) { return enqueue_envelope(tx, "orders", event.view(), {.tables = &t}); }),
            "too_large");
  event = event_of("a", "");
  EXPECT_EQ(
      refused([&](auto& tx) { return enqueue_envelope(tx, "orders", event.view(), {.in_order = true, .tables = &t}); }),
      "missing_key");
  EXPECT_EQ(refused([&](auto& tx) { return enqueue(tx, Noted{"n"}, {.in_order = true, .tables = &t}); }),
            "missing_key");
  event = event_of("a", std::string("k\0k", 3));
  EXPECT_EQ(refused([&](auto& tx) { return enqueue_envelope(tx, "orders", event.view(), {.tables = &t}); }),
            "invalid_event");
  event = event_of("a", "k");
  event.headers.set(due_header, "2100-01-01T00:00:00Z");
  EXPECT_EQ(refused([&](auto& tx) { return enqueue_envelope(tx, "orders", event.view(), {.tables = &t}); }),
            "unsupported");
  EXPECT_EQ(backlog(), 0);
  EXPECT_EQ(number("select max(next_sequence) from @parts"), 1);
}

TEST_P(EnqueueTest, WithoutTheTablesTheTransactionFails) {
  const auto other =
      is_sqlite() ? Tables::named("", "other_").or_throw() : Tables::named(tables_.schema(), "other_").or_throw();
  auto tx = store_->begin(10s).or_throw();
  EXPECT_EQ(enqueue(*tx, Placed{"o-1", 3}, {.tables = &other}).error().code, "sql_error");
  EXPECT_EQ(tx->commit().error().code, "transaction_failed");
}

}  // namespace
}  // namespace tidings::outbox
