#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidings/base/time.hpp"
#include "tidings/event/reflect.hpp"
#include "tidings/store/sql.hpp"

namespace tidings {

/// A transaction of a store, as a handler gets it: what it writes commits together with the delivery's inbox mark and
/// its publications, or not at all. Who made it commits it. For one thread at a time.
///
/// Parameters are `$1`, `$2` …, on every store: `tx.execute("update stock set left = left - $1 where item = $2", 3,
/// item)`. Text of a user never belongs into the statement itself.
///
/// Once a statement has failed, the transaction can only be rolled back, on every store: all further calls answer
/// `transaction_failed`, and so does the commit. Errors of statements: `constraint` (never: a unique, foreign, not-null
/// or check constraint), `sql_error` (never: the statement is wrong, and the message says what the database says; or it
/// would end the transaction), `conflict` (same call, in another transaction: a deadlock, or another changed what this
/// one has seen), `timeout` (same call, in another transaction: one that the database was told, such as PostgreSQL's
/// `statement_timeout`), `disk_full`, `out_of_memory` (same call), `unavailable` (same call: the database is away),
/// `corrupt`, `read_only`, `permission_denied` (never).
///
/// No update of another is lost: where one has changed what this transaction writes, after this one began to look, that
/// is a `conflict`. (On PostgreSQL, unless its url says `isolation=read-committed`.)
class Transaction {
 public:
  virtual ~Transaction() = default;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Rows that a statement inserted, changed or deleted.
  template <class... Args>
  Result<std::uint64_t> execute(std::string_view sql, const Args&... args) {
    Result<std::uint64_t> done = 0;
    const auto run =
        with_parameters([&](std::span<const SqlView> parameters) { done = execute_views(sql, parameters); }, args...);
    return run ? std::move(done) : run.error();
  }

  /// The same where nobody needs the answer: a database over a network may get it with what comes next, and an error of
  /// it may be that of a later call, the commit's at the latest.
  template <class... Args>
  Result<> execute_later(std::string_view sql, const Args&... args) {
    Result<> done = refuse_ending(sql);
    if (!done) return done;
    const auto run =
        with_parameters([&](std::span<const SqlView> parameters) { done = run_later(sql, parameters); }, args...);
    return run ? std::move(done) : run.error();
  }

  /// The rows of a query: structs, whose members are named as its columns, or the value of its only column. Errors
  /// also: `no_column`, `wrong_columns`, `wrong_type`, `null_value`, `out_of_range` (never), after which the
  /// transaction goes on.
  template <class Row, class... Args>
  Result<std::vector<Row>> query(std::string_view sql, const Args&... args) {
    detail::Rows<Row> rows;
    Result<> done;
    const auto run = with_parameters(
        [&](std::span<const SqlView> parameters) { done = query_views(sql, parameters, rows); }, args...);
    if (!run) return run.error();
    if (!done) return done.error();
    return std::move(rows).take();
  }

  /// The only row of a query, or none. Error `too_many_rows` (never), and as `query`.
  template <class Row, class... Args>
  Result<std::optional<Row>> query_one(std::string_view sql, const Args&... args) {
    auto rows = query<Row>(sql, args...);
    if (!rows) return rows.error();
    if (rows->size() > 1)
      return Error{"too_many_rows", "the query gives " + std::to_string(rows->size()) + " rows, and one is read"};
    return rows->empty() ? std::optional<Row>{} : std::optional<Row>(std::move(rows->front()));
  }

  /// The same for who has as many parameters as come, and rows as they come.
  Result<std::uint64_t> execute_views(std::string_view sql, std::span<const SqlView> parameters) {
    if (auto fine = refuse_ending(sql); !fine) return fine.error();
    return run_statement(sql, parameters);
  }
  Result<> query_views(std::string_view sql, std::span<const SqlView> parameters, detail::RowSink& rows) {
    if (auto fine = refuse_ending(sql); !fine) return fine;
    return run_query(sql, parameters, rows);
  }

  /// The database's own handle of this transaction, `sqlite3` or `PGconn`, or null where the store is another. It must
  /// neither be committed, nor rolled back or closed.
  template <class Native>
  [[nodiscard]] Native* native() {
    return static_cast<Native*>(native_handle(type_name<Native>));
  }

  /// As if a statement had failed: nothing of it can be committed any more, since `why`.
  virtual void fail(const Error& why);

  /// `call` runs once this has been committed, on the thread that did it, after the database has been given free; never
  /// where it is rolled back. Once for each `what`, however often it is asked for. It must be short, and not throw.
  void after_commit(const void* what, std::function<void()> call);

 protected:
  Transaction() = default;
  /// For stores: all of it is committed, and what was to be done after that is done.
  void tell_committed();

 private:
  struct AfterCommit {
    const void* what;
    std::function<void()> call;
  };

  template <class F, class... Args>
  static Result<> with_parameters(F&& call, const Args&... args) {
    static_assert(
        (detail::SqlParameter<Args> && ...),
        "tidings: a parameter of a statement is a number, text, bytes, std::nullopt, or an optional of these");
    std::array<SqlView, sizeof...(Args)> parameters;
    Result<> fine;
    std::size_t at = 0;
    [[maybe_unused]] const auto add = [&](const auto& arg) {
      auto made = detail::to_sql(arg);
      if (made)
        parameters[at++] = *made;
      else if (fine)
        fine = std::move(made).error();
    };
    (add(args), ...);
    if (fine) call(std::span<const SqlView>(parameters));
    return fine;
  }

  /// One that would end the transaction behind its owner's back fails it instead.
  Result<> refuse_ending(std::string_view sql);
  virtual Result<std::uint64_t> run_statement(std::string_view sql, std::span<const SqlView> parameters) = 0;
  virtual Result<> run_later(std::string_view sql, std::span<const SqlView> parameters) {
    auto done = run_statement(sql, parameters);
    return done ? Result<>{} : done.error();
  }
  virtual Result<> run_query(std::string_view sql, std::span<const SqlView> parameters, detail::RowSink& rows) = 0;
  /// Of the type so called, as `type_name` spells it.
  [[nodiscard]] virtual void* native_handle(std::string_view type) = 0;

  std::vector<AfterCommit> after_commit_;
};

/// One that its owner may end. Rolled back when it goes.
class OpenTransaction : public Transaction {
 public:
  /// All of it is durable when this returns, as the store promises. Errors: `transaction_failed` (never), those of
  /// statements: nothing of it is there; `outcome_unknown` (same call, in another transaction): the connection went
  /// before the database answered, and it may be there.
  virtual Result<> commit() = 0;
  /// Nothing of it is there. Cannot fail: a database that is away does it by itself.
  virtual void roll_back() = 0;

  /// A statement of it, or its commit, that takes longer is given up, and the connection with it (`unavailable`,
  /// `outcome_unknown`), instead of what the store's URL says. Nothing to databases that are no server's.
  virtual void answer_within(Duration /*longest*/) {}

  /// From here on statements may be taken back alone; one savepoint at a time, a second one takes the place of the
  /// first.
  virtual Result<> save() = 0;
  /// Takes back what came since `save`; a failed transaction goes on after it.
  virtual Result<> roll_back_to_saved() = 0;
};

}  // namespace tidings
