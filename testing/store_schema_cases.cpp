#include "store_trial.hpp"

namespace tidings::testing {

// A row that is reflected has linkage, or clang warns.
namespace store_schema {

struct Wide {
  std::int64_t n = 0;
  std::optional<std::string> more;
};

}  // namespace store_schema

namespace {

using store_schema::Wide;

void tables_are_made_and_dropped_within_transactions(StoreTrial& trial) {
  const auto store = trial.open();
  {
    const auto tx = trial.begin(*store);
    trial.need(tx->execute("create table gone(n bigint)"), "create");
    trial.need(tx->execute("insert into gone values (1)"), "insert");
  }
  trial.check_error(trial.begin(*store)->execute("insert into gone values (2)"), "sql_error", Retry::never,
                    "a table that was rolled back");
  trial.in_one(*store, "create table kept(n bigint)");
  {
    const auto tx = trial.begin(*store);
    trial.need(tx->execute("drop table kept"), "drop");
  }
  trial.in_one(*store, "insert into kept values (1)");
}

void statements_see_a_schema_that_changed(StoreTrial& trial) {
  const auto store = trial.open(1);
  constexpr auto all_of_it = "select * from kept";
  const auto row = [&](Store& over) {
    Wide got;
    trial.retried(over, [&](Transaction& tx) -> Result<> {
      auto rows = tx.query_one<Wide>(all_of_it);
      if (!rows) return rows.error();
      trial.require(rows->has_value(), "there is no row");
      got = std::move(**rows);
      return {};
    });
    return got;
  };
  // The statement is known by now, on both handles.
  trial.in_one(*store, "create table kept(n bigint)");
  trial.in_one(*store, "insert into kept values (1)");
  const auto other = trial.open(1);
  for (auto* each : {store.get(), other.get()})
    for (int round = 0; round < 3; ++round) trial.need(trial.begin(*each)->query<std::int64_t>(all_of_it), "select");
  trial.in_one(*store, "alter table kept add column more text default 'x'");
  trial.check(row(*store).more == "x", "who changed the table does not see its column");
  trial.check(row(*other).more == "x", "another handle does not see the column");
  // Another table of the same name, within one transaction.
  {
    const auto tx = trial.begin(*store);
    trial.need(tx->execute("drop table kept"), "drop");
    trial.need(tx->execute("create table kept(more text, n bigint)"), "create");
    trial.need(tx->execute("insert into kept values ('y', 2)"), "insert");
    const auto got = trial.need(tx->query_one<Wide>(all_of_it), "select within the transaction");
    trial.check(got && got->n == 2 && got->more == "y", "within the transaction it is another");
    trial.need(tx->commit(), "commit");
  }
  trial.check(row(*store).n == 2, "who made the table anew does not see it");
  trial.check(row(*other).n == 2, "another handle does not see the new table");
}

void many_statements_are_of_use(StoreTrial& trial) {
  const auto store = trial.open(1);
  trial.in_one(*store, "create table kept(n bigint)");
  const auto tx = trial.begin(*store);
  // More than any store keeps; each with several kinds of parameters.
  for (int number = 0; number < 300; ++number) {
    const auto sql = "insert into kept(n) select $1 where " + std::to_string(number) + " = " + std::to_string(number);
    trial.need(tx->execute(sql, number), sql);
    trial.need(tx->execute(sql, std::nullopt), sql);
  }
  trial.need(tx->commit(), "commit");
  trial.check(trial.numbers(*store, "select count(n) from kept") == std::vector<std::int64_t>{300}, "some are lost");
}

}  // namespace

std::vector<StoreCaseEntry> store_schema_cases() {
  return {
      {{"tables_are_made_and_dropped_within_transactions", "And come back when that is rolled back."},
       tables_are_made_and_dropped_within_transactions},
      {{"statements_see_a_schema_that_changed",
        "A statement that was made ready gives what the table has now, or is to be tried again."},
       statements_see_a_schema_that_changed},
      {{"many_statements_are_of_use", "More different ones than are kept ready."}, many_statements_are_of_use},
  };
}

}  // namespace tidings::testing
