#include "store_trial.hpp"

namespace tidings::testing {

namespace {

void make_tables(StoreTrial& trial, Store& store) {
  const auto tx = trial.begin(store);
  trial.need(tx->execute("create table items(item text primary key)"), "create items");
  trial.need(tx->execute("create table stock(item text not null references items(item), remaining bigint not null "
                         "check(remaining >= 0), place text unique)"),
             "create stock");
  trial.need(tx->execute("insert into items values ('pen')"), "insert into items");
  trial.need(tx->execute("insert into stock values ('pen', 10, 'a')"), "insert into stock");
  trial.need(tx->commit(), "commit");
}

void constraints_are_told(StoreTrial& trial) {
  const auto store = trial.open();
  make_tables(trial, *store);
  for (const auto* const wrong : {
           "insert into items values ('pen')",
           "insert into stock values ('pen', 1, 'a')",
           "insert into stock values ('pen', -1, 'b')",
           "update stock set remaining = remaining - 11",
           "insert into stock values ('pen', null, 'b')",
           "insert into stock values ('ink', 1, 'b')",
           "delete from items",
       })
    trial.check_error(trial.begin(*store)->execute(wrong), "constraint", Retry::never, wrong);
  trial.check(trial.numbers(*store, "select remaining from stock") == std::vector<std::int64_t>{10},
              "something of it is there");
}

void mistakes_are_told(StoreTrial& trial) {
  const auto store = trial.open();
  make_tables(trial, *store);
  const auto told = [&](const std::string& sql, const auto&... parameters) {
    trial.check_error(trial.begin(*store)->execute(sql, parameters...), "sql_error", Retry::never, "'" + sql + "'");
    trial.check_error(trial.begin(*store)->query<std::int64_t>(sql, parameters...), "sql_error", Retry::never,
                      "as a query, '" + sql + "'");
  };
  told("selec");
  told("");
  told(" -- nothing");
  told("select nosuch from stock");
  told("select * from nosuch");
  told("delete from stock; delete from stock");
  told("delete from stock where item = $1");
  told("delete from stock", "pen");
  told("delete from stock where item = $1", "pen", "more");
  // Who began a transaction ends it.
  told("commit");
  told("rollback");
  // And the message shows the statement.
  const auto why = trial.begin(*store)->execute("selec 1");
  trial.check(!why && why.error().message.find("selec 1") != std::string::npos, "the message does not show it");
  trial.check(trial.numbers(*store, "select remaining from stock") == std::vector<std::int64_t>{10},
              "something of it is there");
}

void a_failed_transaction_can_only_be_rolled_back(StoreTrial& trial) {
  const auto store = trial.open();
  make_tables(trial, *store);
  {
    const auto tx = trial.begin(*store);
    trial.need(tx->execute("update stock set remaining = 1"), "update");
    trial.check_error(tx->execute("insert into items values ('pen')"), "constraint", Retry::never, "a second pen");
    trial.check_error(tx->execute("update stock set remaining = 2"), "transaction_failed", Retry::never,
                      "a statement after it");
    trial.check_error(tx->query<std::int64_t>("select remaining from stock"), "transaction_failed", Retry::never,
                      "a query after it");
    trial.check_error(tx->save(), "transaction_failed", Retry::never, "a savepoint after it");
    trial.check_error(tx->commit(), "transaction_failed", Retry::never, "its commit");
    trial.check_error(tx->commit(), "transaction_failed", Retry::never, "its second commit");
  }
  trial.check(trial.numbers(*store, "select remaining from stock") == std::vector<std::int64_t>{10},
              "something of a failed transaction is there");
}

void a_failed_statement_leaves_nothing_behind(StoreTrial& trial) {
  const auto store = trial.open(1);
  make_tables(trial, *store);
  for (int round = 0; round < 40; ++round) {
    auto tx = store->begin(trial.patience());
    trial.require(tx.has_value(),
                  "after " + std::to_string(round) + " that failed: " + (tx ? "" : to_string(tx.error())));
    trial.check_error((*tx)->execute("insert into items values ('pen')"), "constraint", Retry::never, "a second pen");
    if (round % 2 == 0) (void)(*tx)->commit();
  }
  trial.check(trial.numbers(*store, "select count(*) from items") == std::vector<std::int64_t>{1}, "more is there");
}

}  // namespace

std::vector<StoreCaseEntry> store_statement_cases() {
  return {
      {{"constraints_are_told", "Unique, foreign, not-null and check constraints are `constraint`."},
       constraints_are_told},
      {{"mistakes_are_told", "A wrong statement is `sql_error`, and does nothing."}, mistakes_are_told},
      {{"a_failed_transaction_can_only_be_rolled_back", "All further calls say so, and nothing of it is there."},
       a_failed_transaction_can_only_be_rolled_back},
      {{"a_failed_statement_leaves_nothing_behind", "Its turn is given back, each time."},
       a_failed_statement_leaves_nothing_behind},
  };
}

}  // namespace tidings::testing
