#include "tidings/aggregate/schema.hpp"

#include <thread>

#include "aggregate/migrations.hpp"
#include "aggregate/testing.hpp"

namespace tidings::aggregate {
namespace {

class SchemaTest : public StoreTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override { open(GetParam()); }
  [[nodiscard]] outbox::Tables other() const {
    return (is_sqlite_ ? outbox::Tables::named("", "other_") : outbox::Tables::named(tables_.schema(), "other_"))
        .or_throw();
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, SchemaTest, ::testing::Values("sqlite", "postgres"));

TEST_P(SchemaTest, ItIsMadeOnceHoweverManyAsk) {
  const auto tables = other();
  {
    std::vector<std::jthread> all;
    for (int one = 0; one < 4; ++one)
      all.emplace_back([&] {
        const auto store = open_store(url_).or_throw();
        EXPECT_EQ(code(aggregate::apply_schema(*store, tables)), "");
      });
  }
  EXPECT_EQ(code(aggregate::check_schema(*store_, tables)), "");
  EXPECT_EQ(count("aggregate_schema"), 1);
}

TEST_P(SchemaTest, WithoutItTheErrorSaysWhatToDo) {
  const auto none = aggregate::check_schema(*store_, other());
  ASSERT_EQ(code(none), "no_aggregates");
  EXPECT_NE(none.error().message.find("apply_schema"), std::string::npos);
}

TEST_P(SchemaTest, WhatIsPrintedMakesTheSame) {
  const auto tables = other();
  const auto text = aggregate::schema_sql(store_->dialect(), tables);
  auto tx = store_->begin(10s).or_throw();
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find(";\n", at);
    tx->execute(text.substr(at, end - at)).or_throw();
    at = end + 2;
  }
  tx->commit().or_throw();
  EXPECT_EQ(code(aggregate::check_schema(*store_, tables)), "");
  EXPECT_EQ(code(aggregate::apply_schema(*store_, tables)), "");
}

TEST_P(SchemaTest, OlderTablesAreBroughtUpAndNewerOnesRefused) {
  auto next = schema_of(store_->dialect(), tables_);
  EXPECT_EQ(next.steps.size(), static_cast<std::size_t>(schema_version));
  next.steps.push_back(
      {"alter table " + tables_.name("aggregates") + " add column colour text not null default 'none'"});
  tidings::apply_schema(*store_, next).or_throw();
  tidings::apply_schema(*store_, next).or_throw();
  EXPECT_EQ(code(aggregate::apply_schema(*store_, tables_)), "newer_version");
  EXPECT_EQ(code(aggregate::check_schema(*store_, tables_)), "newer_version");
  run("delete from " + tables_.name("aggregate_schema"));
  run("insert into " + tables_.name("aggregate_schema") + " values (0)");
  EXPECT_EQ(code(aggregate::check_schema(*store_, tables_)), "older_version");
}

}  // namespace
}  // namespace tidings::aggregate
