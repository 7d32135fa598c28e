#include "tidings/outbox/schema.hpp"

#include <thread>

#include "outbox/migrations.hpp"
#include "outbox/testing.hpp"

namespace tidings::outbox {
namespace {

class SchemaTest : public OutboxTest {
 protected:
  static std::string code(const Result<>& result) { return result ? "" : result.error().code; }
};
INSTANTIATE_TEST_SUITE_P(Stores, SchemaTest, ::testing::ValuesIn(store_kinds()));

TEST_P(SchemaTest, ItIsMadeOnceHoweverOftenItIsAskedFor) {
  put("a", "k");
  std::vector<std::jthread> others;
  for (int other = 0; other < 4; ++other)
    others.emplace_back([&] {
      const auto store = open_again();
      apply_schema(*store, tables_).or_throw();
    });
  others.clear();
  EXPECT_EQ(backlog(), 1);
  EXPECT_EQ(number("select count(*) from @parts"), 64);
  EXPECT_EQ(number("select count(*) from @schema"), 1);
  EXPECT_GT(number("select identity from @identity"), 0);
  EXPECT_EQ(code(check_schema(*store_, tables_)), "");
}

TEST_P(SchemaTest, ManyMayMakeItForTheFirstTime) {
  const auto other =
      is_sqlite() ? Tables::named("", "other_").or_throw() : Tables::named(tables_.schema(), "other_").or_throw();
  {
    std::vector<std::jthread> all;
    for (int one = 0; one < 4; ++one)
      all.emplace_back([&] { EXPECT_EQ(code(apply_schema(*open_again(), other)), ""); });
  }
  EXPECT_EQ(code(check_schema(*store_, other)), "");
}

TEST_P(SchemaTest, WithoutItNothingBeginsAndTheErrorSaysWhatToDo) {
  const auto other =
      is_sqlite() ? Tables::named("", "other_").or_throw() : Tables::named(tables_.schema(), "other_").or_throw();
  const auto none = check_schema(*store_, other);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, "no_outbox");
  EXPECT_NE(none.error().message.find("apply_schema"), std::string::npos);
  EXPECT_EQ(Relay::start(*store_, *broker_, {.tables = other}).error().code, "no_outbox");
  apply_schema(*store_, other).or_throw();
  EXPECT_EQ(code(check_schema(*store_, other)), "");
  EXPECT_EQ(backlog(), 0) << "two outboxes of one database know nothing of each other";
}

TEST_P(SchemaTest, WhatIsPrintedMakesTheSame) {
  // By statements, as somebody who makes the tables by hand would.
  const auto other =
      is_sqlite() ? Tables::named("", "other_").or_throw() : Tables::named(tables_.schema(), "other_").or_throw();
  auto tx = store_->begin(10s).or_throw();
  const auto text = schema_sql(store_->dialect(), other);
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find(";\n", at);
    tx->execute(text.substr(at, end - at)).or_throw();
    at = end + 2;
  }
  tx->commit().or_throw();
  EXPECT_EQ(code(check_schema(*store_, other)), "");
  EXPECT_EQ(code(apply_schema(*store_, other)), "");
}

TEST_P(SchemaTest, OlderTablesAreBroughtUpAndNewerOnesRefused) {
  auto next = schema_of(store_->dialect(), tables_);
  EXPECT_EQ(next.steps.size(), static_cast<std::size_t>(schema_version));
  next.steps.push_back({"alter table " + tables_.name("outbox") + " add column colour text not null default 'none'"});
  put("a", "k");
  tidings::apply_schema(*store_, next).or_throw();
  tidings::apply_schema(*store_, next).or_throw();
  EXPECT_EQ(number("select count(*) from @outbox where colour = 'none'"), 1);
  EXPECT_EQ(code(apply_schema(*store_, tables_)), "newer_version");
  EXPECT_EQ(code(check_schema(*store_, tables_)), "newer_version");
  EXPECT_EQ(number("select version from @schema"), static_cast<std::int64_t>(next.steps.size()))
      << "and nothing was changed";
}

TEST_P(SchemaTest, ATableThatWentIsMissedWhateverTheVersionSays) {
  for (const auto* const table : {"outbox_held", "outbox_relays"}) {
    auto tx = store_->begin(10s).or_throw();
    tx->execute("drop table " + tables_.name(table)).or_throw();
    tx->commit().or_throw();
    tx.reset();
    for (const auto& result : {check_schema(*store_, tables_), apply_schema(*store_, tables_)}) {
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().code, "corrupt");
      EXPECT_NE(result.error().message.find(tables_.name("outbox_held")), std::string::npos) << result.error().message;
    }
  }
}

TEST_P(SchemaTest, ARowOfOtherTypesIsRefusedWhereItIsPutIn) {
  const auto insert = "insert into " + tables_.name("outbox") +
                      "(part, message_id, topic, key, type, type_version, event_time, attributes, payload) values ";
  for (const auto* const row :
       {"(0, 'a', 't', x'00ff', 'e', 1, 0, x'', x'')", "('zero', 'a', 't', 'k', 'e', 1, 0, x'', x'')"}) {
    if (!is_sqlite()) break;  // PostgreSQL has always been so
    auto tx = store_->begin(10s).or_throw();
    EXPECT_FALSE(tx->execute(insert + row)) << row;
  }
}

TEST(TablesTest, NamesAreIdentifiersThatNeedNoCare) {
  EXPECT_EQ(Tables().name("outbox"), "tidings_outbox");
  EXPECT_EQ(Tables::named("user", "").or_throw().name("outbox_keys"), "\"user\".outbox_keys");
  for (const auto* const wrong : {"a b", "a\"b", "A", "1a", "a.b", "a-b", "x'; drop table y", "\xC3\xA4"}) {
    EXPECT_EQ(Tables::named("", wrong).error().code, "invalid_name") << wrong;
    EXPECT_EQ(Tables::named(wrong).error().code, "invalid_name") << wrong;
  }
  EXPECT_FALSE(Tables::named("", std::string(41, 'a')));
}

TEST(TablesTest, PartsAreForLife) {
  EXPECT_EQ(part_of("order-1"), part_of("order-1"));
  EXPECT_EQ(part_of(""), 0xef46db3751d8e999ULL % 64) << "XXH64 of nothing, with seed 0";
  std::map<std::uint32_t, int> seen;
  for (int key = 0; key < 6400; ++key) ++seen[part_of("order-" + std::to_string(key))];
  EXPECT_EQ(seen.size(), 64U);
  for (const auto& [part, keys] : seen) EXPECT_GT(keys, 50);
}

}  // namespace
}  // namespace tidings::outbox
