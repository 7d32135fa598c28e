#include "tidings/store/schema.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_postgres.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/stores/open.hpp"

namespace tidings {
namespace {

using namespace std::chrono_literals;

class SchemaTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "sqlite") {
      url_ = "sqlite:" + folder_.path() + "/data.db";
    } else {
      TIDINGS_NEEDS_SERVER(testing::postgres_is_there());
      auto& postgres = testing::SharedPostgres::get();
      ASSERT_TRUE(postgres.ready()) << to_string(postgres.ready().error());
      url_ = testing::postgres_url(postgres.server());
      static std::atomic<int> number = 0;
      schema_ = "schemas_" + std::to_string(number++);
    }
    store_ = open_store(url_).or_throw();
  }
  [[nodiscard]] std::string name(const std::string& table) const {
    return (schema_.empty() ? "" : "\"" + schema_ + "\".") + table;
  }
  /// Of a shop, in so many versions.
  [[nodiscard]] Schema shop(std::size_t versions = 2) const {
    Schema made{.what = "the shop's tables",
                .version_table = name("shop_schema"),
                .postgres_schema = schema_,
                .steps = {{"create table " + name("orders") + "(id text primary key)",
                           "create table " + name("customers") + "(id text primary key)"},
                          {"alter table " + name("orders") + " add column note text not null default 'none'"}},
                .tables = {name("orders"), name("customers")},
                .missing_code = "no_shop"};
    made.steps.resize(versions);
    return made;
  }
  std::int64_t number(const std::string& sql) {
    auto tx = store_->begin(10s).or_throw();
    return tx->query_one<std::int64_t>(sql).or_throw().value_or(-1);
  }
  void run(const std::string& sql) {
    auto tx = store_->begin(10s).or_throw();
    tx->execute(sql).or_throw();
    tx->commit().or_throw();
  }
  static std::string code(const Result<>& result) { return result ? "" : result.error().code; }

  testing::TemporaryFolder folder_ = testing::TemporaryFolder::make("schema").or_throw();
  std::string url_;
  std::string schema_;
  std::unique_ptr<Store> store_;
};
INSTANTIATE_TEST_SUITE_P(Stores, SchemaTest, ::testing::Values("sqlite", "postgres"));

TEST_P(SchemaTest, ItIsMadeOnceHoweverManyAskAtOnce) {
  for (int round = 0; round < 5; ++round) {
    auto asked = shop();
    asked.version_table = name("shop_schema_" + std::to_string(round));
    asked.steps = {{"create table " + name("shelf_" + std::to_string(round)) + "(id text primary key)"}};
    asked.tables.clear();
    std::vector<std::jthread> all;
    for (int one = 0; one < 6; ++one)
      all.emplace_back([&] {
        const auto store = open_store(url_).or_throw();
        const auto made = apply_schema(*store, asked);
        EXPECT_TRUE(made) << to_string(made.error());
      });
    all.clear();
    EXPECT_EQ(number("select count(*) from " + asked.version_table), 1);
  }
}

TEST_P(SchemaTest, AnOlderVersionIsBroughtUpWithWhatIsInIt) {
  EXPECT_EQ(code(check_schema(*store_, shop())), "no_shop");
  EXPECT_EQ(code(apply_schema(*store_, shop(1))), "");
  run("insert into " + name("orders") + "(id) values ('o1')");
  const auto older = check_schema(*store_, shop());
  EXPECT_EQ(code(older), "older_version");
  EXPECT_NE(older.error().message.find("the shop's tables are of version 1, and 2 is needed"), std::string::npos);
  EXPECT_EQ(code(apply_schema(*store_, shop())), "");
  EXPECT_EQ(code(apply_schema(*store_, shop())), "");
  EXPECT_EQ(number("select count(*) from " + name("orders") + " where note = 'none'"), 1);
  EXPECT_EQ(code(check_schema(*store_, shop())), "");
}

TEST_P(SchemaTest, ANewerVersionIsLeftAlone) {
  apply_schema(*store_, shop()).or_throw();
  for (const auto& result : {apply_schema(*store_, shop(1)), check_schema(*store_, shop(1))})
    EXPECT_EQ(code(result), "newer_version");
  EXPECT_EQ(number("select version from " + name("shop_schema")), 2);
}

TEST_P(SchemaTest, AStepThatFailsLeavesTheVersionBeforeIt) {
  apply_schema(*store_, shop(1)).or_throw();
  auto broken = shop();
  broken.steps.back().emplace_back("create nonsense");
  EXPECT_EQ(code(apply_schema(*store_, broken)), "sql_error");
  EXPECT_EQ(code(check_schema(*store_, shop(1))), "");
  EXPECT_EQ(code(apply_schema(*store_, shop())), "") << "the column was not added";
}

TEST_P(SchemaTest, ATableThatWentAndAVersionThatIsNoneAreTold) {
  apply_schema(*store_, shop()).or_throw();
  run("drop table " + name("customers"));
  for (const auto& result : {apply_schema(*store_, shop()), check_schema(*store_, shop())}) {
    ASSERT_EQ(code(result), "corrupt");
    EXPECT_NE(result.error().message.find("customers"), std::string::npos) << result.error().message;
  }
  run("update " + name("shop_schema") + " set version = -1");
  for (const auto& result : {apply_schema(*store_, shop()), check_schema(*store_, shop())})
    EXPECT_EQ(code(result), "corrupt");
  run("delete from " + name("shop_schema"));
  EXPECT_EQ(code(check_schema(*store_, shop())), "no_shop");
}

TEST_P(SchemaTest, WhatIsPrintedMakesTheSame) {
  const auto text = schema_sql(shop(), store_->dialect());
  auto tx = store_->begin(10s).or_throw();
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find(";\n", at);
    tx->execute(text.substr(at, end - at)).or_throw();
    at = end + 2;
  }
  tx->commit().or_throw();
  tx.reset();
  EXPECT_EQ(code(check_schema(*store_, shop())), "");
  EXPECT_EQ(code(apply_schema(*store_, shop())), "");
}

TEST_P(SchemaTest, SqliteHasNoSchemas) {
  if (GetParam() != "sqlite") return;
  auto asked = shop();
  asked.postgres_schema = "shop";
  for (const auto& result : {apply_schema(*store_, asked), check_schema(*store_, asked)})
    EXPECT_EQ(code(result), "invalid_name");
}

}  // namespace
}  // namespace tidings
