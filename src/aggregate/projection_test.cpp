#include "aggregate/projection_testing.hpp"

namespace tidings::aggregate {
namespace {

INSTANTIATE_TEST_SUITE_P(Stores, ProjectionTest, ::testing::Values("sqlite", "postgres", "committed"));

TEST_P(ProjectionTest, ItIsPreparedOnceHoweverManyAsk) {
  {
    std::vector<std::jthread> all;
    for (int one = 0; one < 4; ++one)
      all.emplace_back([&] {
        const auto store = open_store(url_).or_throw();
        EXPECT_EQ(code(totals().prepare(*store)), "");
      });
  }
  EXPECT_EQ(count("projections"), 1);
  EXPECT_EQ(count("projection_generations"), 1);
  EXPECT_TRUE(seen().empty());
}

TEST_P(ProjectionTest, EventsAreInItOnce) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(5, 3);
  serve(projection, [] { return true; });
  EXPECT_EQ(handled_, 20);
  expect_all(5, 3);
}

TEST_P(ProjectionTest, WhatIsWrongIsTold) {
  const auto projection = totals();
  EXPECT_EQ(code(rebuild(*store_, *broker_, projection)), "not_prepared");
  projection.prepare(*store_).or_throw();
  EXPECT_EQ(code(rebuild(*store_, *broker_, projection, {.topic = "none"})), "unknown_topic");
  const auto of = [&](std::vector<ProjectionTable> tables) {
    return code(tidings::projection<OrderPlaced>("p", {.tables = std::move(tables), .names = tables_},
                                                 [](const OrderPlaced&, ReadModel&) {})
                    .prepare(*store_));
  };
  EXPECT_EQ(of({}), "invalid_options");
  EXPECT_EQ(of({{"a b", "x integer"}}), "invalid_name");
  EXPECT_EQ(of({{"a", "x integer"}, {"a", "x integer"}}), "invalid_options");
  EXPECT_EQ(of({{"a", "x nonsense ("}}), "sql_error");
  EXPECT_EQ(count("projections"), 1);
}

TEST(ReadModelTest, NamesInBracesAreTablesOfTheGeneration) {
  const ProjectionOptions options{.tables = {{"totals", "x integer"}}};
  struct None final : Transaction {
    Result<std::uint64_t> run_statement(std::string_view, std::span<const SqlView>) override { return 0; }
    Result<> run_query(std::string_view, std::span<const SqlView>, tidings::detail::RowSink&) override { return {}; }
    void* native_handle(std::string_view) override { return nullptr; }
  } tx;
  const ReadModel model(tx, options, 3);
  EXPECT_EQ(model.with_tables("select * from {totals} t, {totals}"), "select * from totals_3 t, totals_3");
  EXPECT_EQ(model.with_tables("select '{\"a\":{}}', '{other}', '{'"), "select '{\"a\":{}}', '{other}', '{'");
}

}  // namespace
}  // namespace tidings::aggregate
