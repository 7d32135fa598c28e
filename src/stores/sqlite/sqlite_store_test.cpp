#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tidings/stores/open.hpp"

namespace tidings::stores::sqlite {
namespace sqlite_store_test {

struct Item {
  std::string item;
  std::int64_t left = 0;
  friend bool operator==(const Item&, const Item&) = default;
};

struct Values {
  std::optional<std::int64_t> whole;
  double real = 0;
  std::string text;
  std::vector<std::byte> bytes;
  bool truth = false;
  friend bool operator==(const Values&, const Values&) = default;
};

}  // namespace sqlite_store_test
namespace {

using namespace sqlite_store_test;

using namespace std::chrono_literals;

class SqliteStoreTest : public ::testing::Test {
 protected:
  SqliteStoreTest() {
    std::string name = (std::filesystem::temp_directory_path() / "tidings-sqlite-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    url_ = "sqlite:" + folder_ + "/data.db";
  }
  ~SqliteStoreTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Store> open() { return open_store(url_).or_throw(); }
  std::unique_ptr<Store> with_stock() {
    auto store = open();
    auto tx = store->begin(10s).or_throw();
    tx->execute("create table stock(item text primary key, left integer not null check(left >= 0))").or_throw();
    tx->execute("insert into stock values ($1, $2), ($3, $2)", "pen", 10, "ink").or_throw();
    tx->commit().or_throw();
    return store;
  }
  static std::vector<Item> stock(Store& store) {
    auto tx = store.begin(10s).or_throw();
    return tx->query<Item>("select item, left from stock order by item").or_throw();
  }

  std::string folder_;
  std::string url_;
};

TEST_F(SqliteStoreTest, WhatIsCommittedIsThereAndWhatIsNotIsNot) {
  auto store = with_stock();
  {
    auto tx = store->begin(10s).or_throw();
    EXPECT_EQ(tx->execute("update stock set left = left - $1", 3).or_throw(), 2U);
    EXPECT_EQ(tx->query_one<std::int64_t>("select left from stock where item = $1", "pen").or_throw(), 7);
  }  // rolled back
  EXPECT_EQ(stock(*store), (std::vector<Item>{{"ink", 10}, {"pen", 10}}));
  {
    auto tx = store->begin(10s).or_throw();
    tx->execute("delete from stock where item = $1", std::string("pen")).or_throw();
    tx->commit().or_throw();
    EXPECT_EQ(tx->execute("delete from stock").error().code, "transaction_failed") << "it is over";
  }
  store.reset();
  EXPECT_EQ(stock(*open()), (std::vector<Item>{{"ink", 10}}));
}

TEST_F(SqliteStoreTest, AFileThatIsTakenAwayIsMissed) {
  auto store = with_stock();
  std::filesystem::rename(folder_ + "/data.db", folder_ + "/aside.db");
  for (int again = 0; again < 2; ++again) {
    const auto begun = store->begin(10s);
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().code, "unavailable");
    EXPECT_NE(begun.error().message.find("removed or replaced"), std::string::npos) << begun.error().message;
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/data.db")) << "nothing is made in its place";
  }
  std::filesystem::copy(folder_ + "/aside.db", folder_ + "/data.db");
  EXPECT_FALSE(store->begin(10s)) << "it is another";
  std::filesystem::rename(folder_ + "/aside.db", folder_ + "/data.db");
  EXPECT_EQ(stock(*store).size(), 2U);
}

TEST_F(SqliteStoreTest, WhatMustExistIsLeftInItsMode) {
  {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ + "/data.db").c_str(), &database), SQLITE_OK);
    sqlite3_exec(database, "create table theirs(a int)", nullptr, nullptr, nullptr);
    sqlite3_close(database);
  }
  const auto mode = [](Store& store) {
    return store.begin(10s).or_throw()->query_one<std::string>("pragma journal_mode").or_throw().value_or("");
  };
  EXPECT_EQ(mode(*open_store(url_, {.must_exist = true}).or_throw()), "delete");
  EXPECT_EQ(mode(*open()), "wal") << "a store is made of it";
  EXPECT_EQ(mode(*open_store(url_, {.must_exist = true}).or_throw()), "wal");
}

TEST_F(SqliteStoreTest, WhatIsGoneWithTheProcessIsNoStore) {
  EXPECT_EQ(open_store("sqlite::memory:").error().code, "invalid_url");
}

TEST_F(SqliteStoreTest, AFolderIsNoFile) {
  const auto opened = open_store("sqlite:" + folder_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("is a folder; name a file in it"), std::string::npos) << opened.error().message;
}

TEST_F(SqliteStoreTest, AfterAFailedStatementNothingGoesThrough) {
  auto store = with_stock();
  auto tx = store->begin(10s).or_throw();
  tx->execute("update stock set left = 1").or_throw();
  const auto failed = tx->execute("insert into stock values ('pen', 1)");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, "constraint");
  EXPECT_EQ(failed.error().retry, Retry::never);
  EXPECT_EQ(tx->execute("update stock set left = 2").error().code, "transaction_failed");
  EXPECT_EQ(tx->query<Item>("select * from stock").error().code, "transaction_failed");
  const auto committed = tx->commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, "transaction_failed");
  EXPECT_EQ(stock(*store), (std::vector<Item>{{"ink", 10}, {"pen", 10}}));
}

TEST_F(SqliteStoreTest, WhatCameSinceASavepointIsTakenBackAlone) {
  auto store = with_stock();
  auto tx = store->begin(10s).or_throw();
  EXPECT_FALSE(tx->roll_back_to_saved());
  tx->execute("update stock set left = 9 where item = 'pen'").or_throw();
  tx->save().or_throw();
  tx->execute("update stock set left = 8 where item = 'pen'").or_throw();
  EXPECT_FALSE(tx->execute("update stock set left = -1"));
  tx->roll_back_to_saved().or_throw();
  tx->execute("update stock set left = 5 where item = 'ink'").or_throw();
  tx->save().or_throw();
  tx->execute("delete from stock").or_throw();
  tx->roll_back_to_saved().or_throw();
  tx->commit().or_throw();
  EXPECT_EQ(stock(*store), (std::vector<Item>{{"ink", 5}, {"pen", 9}}));
}

TEST_F(SqliteStoreTest, WhatIsFailedByItsUserCannotBeCommittedAndSaysWhy) {
  auto store = with_stock();
  auto tx = store->begin(10s).or_throw();
  tx->execute("update stock set left = 1").or_throw();
  tx->fail(Error{"too_large", "an event is too large"});
  EXPECT_EQ(tx->execute("update stock set left = 2").error().code, "transaction_failed");
  const auto committed = tx->commit();
  ASSERT_FALSE(committed);
  EXPECT_NE(committed.error().message.find("an event is too large"), std::string::npos) << committed.error().message;
  EXPECT_EQ(stock(*store), (std::vector<Item>{{"ink", 10}, {"pen", 10}}));
}

TEST_F(SqliteStoreTest, WhatIsToBeDoneAfterTheCommitIsDoneThenAndOnce) {
  auto store = with_stock();
  int told = 0;
  const auto tell = [&] {
    ++told;
    EXPECT_TRUE(store->begin(Duration{10ms})) << "the database is free by then";
  };
  {
    auto tx = store->begin(10s).or_throw();
    tx->after_commit(&told, tell);
  }  // rolled back
  EXPECT_EQ(told, 0);
  auto tx = store->begin(10s).or_throw();
  tx->after_commit(&told, tell);
  tx->after_commit(&told, tell);
  tx->commit().or_throw();
  EXPECT_EQ(told, 1);
}

TEST_F(SqliteStoreTest, MistakesAreTold) {
  auto store = with_stock();
  const auto code = [&](auto&& call) {
    auto tx = store->begin(10s).or_throw();
    return call(*tx).error().code;
  };
  EXPECT_EQ(code([](auto& tx) { return tx.execute("selec"); }), "sql_error");
  EXPECT_EQ(code([](auto& tx) { return tx.execute(""); }), "sql_error");
  EXPECT_EQ(code([](auto& tx) { return tx.execute("delete from stock; delete from stock"); }), "sql_error");
  EXPECT_EQ(code([](auto& tx) { return tx.execute("delete from stock where item = $1"); }), "sql_error");
  EXPECT_EQ(code([](auto& tx) { return tx.execute("delete from stock", 7); }), "sql_error");
  EXPECT_EQ(code([](auto& tx) { return tx.execute("commit"); }), "sql_error");
  EXPECT_EQ(code([](auto& tx) { return tx.template query<Item>("commit"); }), "sql_error");
  EXPECT_EQ(code([](auto& tx) { return tx.template query_one<Item>("select * from stock"); }), "too_many_rows");
  EXPECT_EQ(code([](auto& tx) { return tx.template query<Item>("select item from stock"); }), "no_column");
  // What reads wrongly spoils nothing.
  auto tx = store->begin(10s).or_throw();
  EXPECT_EQ(tx->query<std::int64_t>("select item from stock").error().code, "wrong_type");
  tx->execute("update stock set left = 1").or_throw();
  tx->commit().or_throw();
  EXPECT_EQ(open_store("sqlite:").error().code, "invalid_url");
  EXPECT_EQ(open_store("sqlite:" + folder_ + "/no/data.db").error().code, "not_found");
  EXPECT_EQ(open_store("sqlite:" + folder_ + "/none.db", {.must_exist = true}).error().code, "not_found");
  EXPECT_EQ(open_store("nosuch:x").error().code, "unknown_store");
}

TEST_F(SqliteStoreTest, EveryValueComesBackAsItWas) {
  auto store = open();
  auto tx = store->begin(10s).or_throw();
  tx->execute("create table t(whole integer, real real, text text, bytes blob, truth integer)").or_throw();
  const Values some{std::numeric_limits<std::int64_t>::min(),
                    0.1,
                    std::string("a\0b'\"\xC3\xA4", 7),
                    {std::byte{0}, std::byte{255}},
                    true};
  const Values none{std::nullopt, -0.0, "", {}, false};
  for (const auto& one : {some, none})
    tx->execute("insert into t values ($1, $2, $3, $4, $5)", one.whole, one.real, one.text, one.bytes, one.truth)
        .or_throw();
  EXPECT_EQ(tx->query<Values>("select * from t").or_throw(), (std::vector<Values>{some, none}));
  EXPECT_NE(tx->native<sqlite3>(), nullptr);
  EXPECT_EQ(tx->native<int>(), nullptr);
}

TEST_F(SqliteStoreTest, ItIsDurableAndInWalMode) {
  auto store = open();
  auto tx = store->begin(10s).or_throw();
  EXPECT_EQ(tx->query_one<std::string>("pragma journal_mode").or_throw(), "wal");
  EXPECT_EQ(tx->query_one<std::int64_t>("pragma synchronous").or_throw(), 2);
}

TEST_F(SqliteStoreTest, ABusyWriterStarvesNobody) {
  auto store = with_stock();
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> greedy = 0;
  std::uint64_t modest = 0;
  const std::jthread writer([&] {
    while (!stop) {
      auto tx = store->begin(10s).or_throw();
      tx->execute("update stock set left = left + 1").or_throw();
      tx->commit().or_throw();
      ++greedy;
    }
  });
  while (greedy < 20) std::this_thread::yield();
  const auto before = greedy.load();
  while (modest < 50) {
    auto tx = store->begin(10s).or_throw();
    tx->execute("update stock set left = left + 1").or_throw();
    tx->commit().or_throw();
    ++modest;
  }
  stop = true;
  EXPECT_LE(greedy - before, 3 * modest) << "each has its turn";
}

TEST_F(SqliteStoreTest, WhoWaitsTooLongIsToldAndAClosedStoreBeginsNothing) {
  auto store = with_stock();
  auto open_one = store->begin(10s).or_throw();
  const auto waited = store->begin(10ms);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, "busy");
  // Another process's store, or another one of this.
  auto other = open();
  EXPECT_EQ(other->begin(10ms).error().code, "busy");
  EXPECT_EQ(store->close(1ms).error().code, "timeout");
  EXPECT_EQ(store->begin(10s).error().code, "closed");
  open_one->commit().or_throw();
  open_one.reset();
  EXPECT_TRUE(store->close(10s));
  EXPECT_TRUE(other->begin(10s));
}

TEST_F(SqliteStoreTest, WhoOnlyReadsNeitherWaitsForAWriterNorWrites) {
  auto store = with_stock();
  auto reader = open_store(url_ + "?mode=ro").or_throw();
  auto writing = store->begin(10s).or_throw();
  writing->execute("update stock set left = 1").or_throw();
  {
    auto reading = reader->begin(0s).or_throw();
    EXPECT_EQ(reading->query_one<std::int64_t>("select left from stock where item = 'pen'").or_throw(), 10);
    writing->commit().or_throw();  // which keeps nobody either
    EXPECT_EQ(reading->query_one<std::int64_t>("select left from stock where item = 'pen'").or_throw(), 10)
        << "as it was when the transaction began to read";
    EXPECT_FALSE(reading->execute("delete from stock"));
  }
  EXPECT_EQ(stock(*reader), (std::vector<Item>{{"ink", 1}, {"pen", 1}}));
}

TEST_F(SqliteStoreTest, WhoOnlyReadsMakesNoFile) {
  EXPECT_EQ(open_store(url_ + "?mode=ro").error().code, "not_found");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/data.db"));
}

TEST_F(SqliteStoreTest, ADatabaseThatIsNoneIsRefused) {
  std::FILE* const file = std::fopen((folder_ + "/data.db").c_str(), "w");
  std::fputs("this is no database, and long enough to be seen as none: ................................", file);
  std::fclose(file);
  EXPECT_EQ(open_store(url_).error().code, "corrupt");
}

}  // namespace
}  // namespace tidings::stores::sqlite
