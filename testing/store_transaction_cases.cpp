#include "store_trial.hpp"

namespace tidings::testing {

namespace {

using Numbers = std::vector<std::int64_t>;
constexpr auto all_of_it = "select n from kept order by n";

std::unique_ptr<Store> with_table(StoreTrial& trial) {
  auto store = trial.open();
  trial.in_one(*store, "create table kept(n bigint primary key)");
  return store;
}

void insert(StoreTrial& trial, Transaction& tx, std::int64_t number) {
  trial.need(tx.execute("insert into kept values ($1)", number), "insert " + std::to_string(number));
}

void what_is_committed_is_there_for_others(StoreTrial& trial) {
  auto store = with_table(trial);
  const auto other = trial.open();
  {
    const auto tx = trial.begin(*store);
    insert(trial, *tx, 1);
    insert(trial, *tx, 2);
    trial.check(trial.need(tx->query<std::int64_t>(all_of_it), "select") == Numbers{1, 2},
                "the transaction does not see what it wrote");
    trial.need(tx->commit(), "commit");
    // It is over.
    trial.check_error(tx->execute("insert into kept values (3)"), "transaction_failed", Retry::never,
                      "a statement after the commit");
    trial.check_error(tx->query<std::int64_t>(all_of_it), "transaction_failed", Retry::never,
                      "a query after the commit");
    trial.check_error(tx->commit(), "transaction_failed", Retry::never, "a second commit");
    tx->roll_back();
  }
  trial.check(trial.numbers(*other, all_of_it) == Numbers{1, 2}, "another handle does not see it");
  store.reset();
  store = trial.open();
  trial.check(trial.numbers(*store, all_of_it) == Numbers{1, 2}, "it is not there once opened again");
}

void what_is_rolled_back_is_not_there(StoreTrial& trial) {
  const auto store = with_table(trial);
  trial.in_one(*store, "insert into kept values (1)");
  const auto tx = trial.begin(*store);
  insert(trial, *tx, 2);
  trial.need(tx->execute("delete from kept where n = 1"), "delete");
  tx->roll_back();
  trial.check_error(tx->execute("insert into kept values (3)"), "transaction_failed", Retry::never,
                    "a statement after the rollback");
  trial.check_error(tx->commit(), "transaction_failed", Retry::never, "a commit after the rollback");
  tx->roll_back();
  trial.check(trial.numbers(*store, all_of_it) == Numbers{1}, "something that was rolled back is there");
}

void a_statement_does_not_end_it(StoreTrial& trial) {
  const auto store = with_table(trial);
  for (const auto* const ending : {"commit", "rollback", "  /* now */ End"}) {
    const auto tx = trial.begin(*store);
    insert(trial, *tx, 1);
    trial.check_error(tx->execute(ending), "sql_error", Retry::never, std::string("'") + ending + "' as a statement");
    trial.check_error(tx->commit(), "transaction_failed", Retry::never, "the commit after it");
    trial.check(trial.numbers(*store, all_of_it).empty(), std::string("'") + ending + "' committed something");
  }
}

void what_nobody_ended_is_rolled_back(StoreTrial& trial) {
  const auto store = with_table(trial);
  {
    const auto tx = trial.begin(*store);
    insert(trial, *tx, 1);
  }
  trial.check(trial.numbers(*store, all_of_it).empty(), "a transaction that nobody ended is there");
}

void nobody_sees_what_is_not_committed(StoreTrial& trial) {
  const auto store = with_table(trial);
  const auto other = trial.open();
  const auto tx = trial.begin(*store);
  insert(trial, *tx, 1);
  for (auto* each : {store.get(), other.get()}) {
    const auto reader = each->begin(glance);
    if (!reader) {
      trial.check_error(reader, "busy", Retry::same_call, "beginning beside another transaction");
      continue;
    }
    trial.check(trial.need((*reader)->query<std::int64_t>(all_of_it), "select").empty(),
                "it is seen before it is committed");
  }
  trial.need(tx->commit(), "commit");
  trial.check(trial.numbers(*other, all_of_it) == Numbers{1}, "it is not seen once it is committed");
}

void a_savepoint_takes_back_alone(StoreTrial& trial) {
  const auto store = with_table(trial);
  const auto tx = trial.begin(*store);
  trial.check_error(tx->roll_back_to_saved(), "transaction_failed", Retry::never, "going back with nothing saved");
  insert(trial, *tx, 1);
  trial.need(tx->save(), "save");
  insert(trial, *tx, 2);
  trial.need(tx->roll_back_to_saved(), "roll_back_to_saved");
  insert(trial, *tx, 3);
  trial.need(tx->roll_back_to_saved(), "roll_back_to_saved again");
  insert(trial, *tx, 4);
  trial.need(tx->commit(), "commit");
  const auto there = trial.numbers(*store, all_of_it);
  trial.check(there == Numbers{1, 4}, std::to_string(there.size()) + " rows are there");
}

void a_savepoint_lets_a_failed_transaction_go_on(StoreTrial& trial) {
  const auto store = with_table(trial);
  trial.in_one(*store, "insert into kept values (7)");
  const auto tx = trial.begin(*store);
  insert(trial, *tx, 1);
  trial.need(tx->save(), "save");
  insert(trial, *tx, 2);
  trial.check_error(tx->execute("insert into kept values (7)"), "constraint", Retry::never, "a second 7");
  trial.check_error(tx->execute("insert into kept values (8)"), "transaction_failed", Retry::never,
                    "a statement after it");
  trial.need(tx->roll_back_to_saved(), "roll_back_to_saved");
  trial.check_error(tx->execute("nonsense"), "sql_error", Retry::never, "a mistake");
  trial.need(tx->roll_back_to_saved(), "roll_back_to_saved again");
  insert(trial, *tx, 3);
  trial.need(tx->commit(), "commit");
  const auto there = trial.numbers(*store, all_of_it);
  trial.check(there == Numbers{1, 3, 7}, std::to_string(there.size()) + " rows are there");
}

void a_second_savepoint_takes_the_place_of_the_first(StoreTrial& trial) {
  const auto store = with_table(trial);
  const auto tx = trial.begin(*store);
  trial.need(tx->save(), "save");
  insert(trial, *tx, 1);
  trial.need(tx->save(), "save again");
  insert(trial, *tx, 2);
  trial.need(tx->roll_back_to_saved(), "roll_back_to_saved");
  trial.check(trial.need(tx->query<std::int64_t>(all_of_it), "select") == Numbers{1}, "it went back too far, or not");
  insert(trial, *tx, 3);
  trial.need(tx->save(), "save a third time");
  trial.need(tx->commit(), "commit with a savepoint");
  trial.check(trial.numbers(*store, all_of_it) == Numbers{1, 3}, "another is there");
  // A savepoint goes with its transaction.
  const auto next = trial.begin(*store);
  trial.check_error(next->roll_back_to_saved(), "transaction_failed", Retry::never, "going back in a new transaction");
}

}  // namespace

std::vector<StoreCaseEntry> store_transaction_cases() {
  return {
      {{"what_is_committed_is_there_for_others", "Also for other handles, and once opened again; and it is over."},
       what_is_committed_is_there_for_others},
      {{"what_is_rolled_back_is_not_there", "Neither what it wrote nor what it deleted."},
       what_is_rolled_back_is_not_there},
      {{"a_statement_does_not_end_it", "COMMIT and ROLLBACK are its owner's, and fail it as statements."},
       a_statement_does_not_end_it},
      {{"what_nobody_ended_is_rolled_back", "A transaction that goes away was not committed."},
       what_nobody_ended_is_rolled_back},
      {{"nobody_sees_what_is_not_committed", "Others wait, or see what was there before."},
       nobody_sees_what_is_not_committed},
      {{"a_savepoint_takes_back_alone", "What came before it stays."}, a_savepoint_takes_back_alone},
      {{"a_savepoint_lets_a_failed_transaction_go_on", "Once what failed is taken back."},
       a_savepoint_lets_a_failed_transaction_go_on},
      {{"a_second_savepoint_takes_the_place_of_the_first", "There is one at a time."},
       a_second_savepoint_takes_the_place_of_the_first},
  };
}

}  // namespace tidings::testing
