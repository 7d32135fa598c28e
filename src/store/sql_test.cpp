#include "tidings/store/sql.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tidings {
namespace sql_test {

struct Row {
  std::int64_t id = 0;
  std::optional<std::string> note;
  friend bool operator==(const Row&, const Row&) = default;
};

}  // namespace sql_test
namespace {

using sql_test::Row;

TEST(Sql, ParametersAreWhatADatabaseHas) {
  EXPECT_EQ(std::get<std::int64_t>(*detail::to_sql(true)), 1);
  EXPECT_EQ(std::get<std::int64_t>(*detail::to_sql(-7)), -7);
  EXPECT_EQ(std::get<double>(*detail::to_sql(0.5F)), 0.5);
  EXPECT_EQ(std::get<std::string_view>(*detail::to_sql("text")), "text");
  EXPECT_EQ(std::get<std::string_view>(*detail::to_sql(std::string("text"))), "text");
  const std::vector<std::byte> bytes{std::byte{1}, std::byte{2}};
  EXPECT_EQ(std::get<std::span<const std::byte>>(*detail::to_sql(bytes)).size(), 2U);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(*detail::to_sql(std::optional<int>{})));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(*detail::to_sql(std::nullopt)));
  EXPECT_EQ(std::get<std::int64_t>(*detail::to_sql(std::optional<int>{3})), 3);
  EXPECT_EQ(detail::to_sql(std::numeric_limits<std::uint64_t>::max()).error().code, "out_of_range");
}

TEST(Sql, RowsAreReadByTheirColumnsNames) {
  detail::Rows<Row> rows;
  const std::array<std::string, 3> columns{"note", "more", "id"};
  ASSERT_TRUE(rows.columns(columns));
  const std::array<SqlView, 3> first{SqlView(std::string_view("a")), SqlView(0.5), SqlView(std::int64_t{7})};
  const std::array<SqlView, 3> second{SqlView(), SqlView(), SqlView(std::int64_t{8})};
  ASSERT_TRUE(rows.row(first));
  ASSERT_TRUE(rows.row(second));
  EXPECT_EQ(std::move(rows).take(), (std::vector<Row>{{7, "a"}, {8, std::nullopt}}));
}

TEST(Sql, TruthValuesAreRowsToo) {
  detail::Rows<bool> rows;
  const std::array<std::string, 1> columns{"truth"};
  ASSERT_TRUE(rows.columns(columns));
  for (const std::int64_t one : {1, 0}) {
    const std::array<SqlView, 1> cells{SqlView(one)};
    ASSERT_TRUE(rows.row(cells));
  }
  EXPECT_EQ(std::move(rows).take(), (std::vector<bool>{true, false}));
}

TEST(Sql, WhatDoesNotFitIsToldWithItsColumn) {
  detail::Rows<Row> rows;
  const std::array<std::string, 1> one{"id"};
  EXPECT_EQ(rows.columns(one).error().code, "no_column");
  const std::array<std::string, 2> columns{"id", "note"};
  ASSERT_TRUE(rows.columns(columns));
  const auto error = [&](SqlView id) {
    const std::array<SqlView, 2> cells{id, SqlView()};
    return rows.row(cells).error();
  };
  EXPECT_EQ(error({}).code, "null_value");
  EXPECT_EQ(error(std::string_view("7")).code, "wrong_type");
  EXPECT_NE(error(std::string_view("7")).message.find("'id' has text"), std::string::npos);
  std::int8_t small = 0;
  EXPECT_EQ(detail::from_sql("n", SqlView(std::int64_t{300}), small).error().code, "out_of_range");
  bool truth = false;
  EXPECT_EQ(detail::from_sql("n", SqlView(std::int64_t{2}), truth).error().code, "wrong_type");
  detail::Rows<std::int64_t> numbers;
  EXPECT_EQ(numbers.columns(columns).error().code, "wrong_columns");
}

}  // namespace
}  // namespace tidings
