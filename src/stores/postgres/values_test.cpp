#include "stores/postgres/values.hpp"

#include <cmath>
#include <limits>
#include <optional>

#include "stores/postgres/testing.hpp"

namespace tidings::stores::postgres {
namespace {

class PostgresValues : public WithPostgres {};

TEST_F(PostgresValues, ANumberIsOfTheTypeThatTheStatementTakes) {
  const auto store = open();
  auto tx = store->begin(30s).or_throw();
  tx->execute("create table t(small smallint, truth boolean, amount numeric(20, 2), real real, word text, day date)")
      .or_throw();
  tx->execute("insert into t values ($1, $2, $3, $4, $5, $6)", 7, true, 12, 0.5, "x", "2026-11-26").or_throw();
  EXPECT_EQ(tx->query_one<std::int64_t>("select small from t where small = $1 and truth = $2", 7, true).or_throw(), 7);
  EXPECT_EQ(tx->query_one<bool>("select truth from t").or_throw(), true);
  EXPECT_EQ(tx->query_one<double>("select amount + 0.25 from t").or_throw(), 12.25);
  EXPECT_EQ(tx->query_one<std::string>("select cast(day as text) from t where day = $1", "2026-11-26").or_throw(),
            "2026-11-26");
  // What does not fit is told, and cut nowhere.
  EXPECT_EQ(tx->execute("update t set small = $1", 70'000).error().code, "sql_error");
}

TEST_F(PostgresValues, ANumberWhoseTypeNothingTellsIsANumber) {
  const auto store = open();
  auto tx = store->begin(30s).or_throw();
  constexpr auto large = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(tx->query_one<std::int64_t>("select $1", large).or_throw(), large);
  EXPECT_EQ(tx->query_one<double>("select $1", 0.1).or_throw(), 0.1);
  EXPECT_EQ(tx->query_one<bool>("select $1 < $2", 9, 10).or_throw(), true) << "as text, 10 would stand before 9";
  EXPECT_EQ(tx->query_one<std::string>("select $1", "9").or_throw(), "9");
}

TEST_F(PostgresValues, ASumIsAnIntegerWhereItIsOne) {
  const auto store = open();
  auto tx = store->begin(30s).or_throw();
  EXPECT_EQ(tx->query_one<std::int64_t>("select sum(x) from (values (cast(1 as bigint)), (2)) v(x)").or_throw(), 3);
  const auto beyond = tx->query_one<std::int64_t>("select sum(x) from (values (9223372036854775807), (1)) v(x)");
  EXPECT_EQ(beyond.error().code, "wrong_type");
}

TEST_F(PostgresValues, WhatADoubleMayBe) {
  const auto store = open();
  auto tx = store->begin(30s).or_throw();
  tx->execute("create table t(x double precision)").or_throw();
  using Limits = std::numeric_limits<double>;
  for (const double one : {Limits::denorm_min(), Limits::max(), -0.0, Limits::infinity(), -Limits::infinity(), 1e23}) {
    tx->execute("delete from t").or_throw();
    tx->execute("insert into t values ($1)", one).or_throw();
    const auto back = tx->query_one<double>("select x from t").or_throw();
    EXPECT_EQ(back, one);
    EXPECT_EQ(std::signbit(*back), std::signbit(one));
  }
  tx->execute("update t set x = $1", Limits::quiet_NaN()).or_throw();
  EXPECT_TRUE(std::isnan(*tx->query_one<double>("select x from t").or_throw()));
}

TEST_F(PostgresValues, BytesComeBackInBothWaysToWriteThem) {
  const auto store = open();
  for (const auto* const output : {"hex", "escape"}) {
    auto tx = store->begin(30s).or_throw();
    tx->execute("set local bytea_output = " + std::string(output)).or_throw();
    tx->execute("create temporary table t(x bytea) on commit drop").or_throw();
    std::vector<std::byte> all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<std::byte>(byte));
    tx->execute("insert into t values ($1)", all).or_throw();
    EXPECT_EQ(tx->query_one<std::vector<std::byte>>("select x from t").or_throw(), all) << output;
    EXPECT_EQ(tx->query_one<std::int64_t>("select octet_length(x) from t").or_throw(), 256);
  }
}

TEST_F(PostgresValues, TextWithANulIsRefused) {
  const auto store = open();
  auto tx = store->begin(30s).or_throw();
  const auto refused = tx->query<std::string>("select $1", std::string_view("a\0b", 3));
  EXPECT_EQ(refused.error().code, "sql_error");
  EXPECT_NE(refused.error().message.find("write it as bytes"), std::string::npos);
  EXPECT_EQ(tx->execute("select 1").error().code, "transaction_failed");
}

TEST_F(PostgresValues, NullsAndBytesOfOneParameterGoTogether) {
  const auto store = open();
  auto tx = store->begin(30s).or_throw();
  tx->execute("create table t(x bytea)").or_throw();
  for (int round = 0; round < 3; ++round)
    for (const auto& one : {std::optional<std::vector<std::byte>>{}, {std::vector<std::byte>{}}, {{std::byte{0}}}})
      tx->execute("insert into t values ($1)", one).or_throw();
  EXPECT_EQ(tx->query_one<std::int64_t>("select count(*) from t where x is null").or_throw(), 3);
  EXPECT_EQ(tx->query_one<std::int64_t>("select count(*) from t where octet_length(x) = 0").or_throw(), 3);
}

}  // namespace
}  // namespace tidings::stores::postgres
