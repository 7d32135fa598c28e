#include "stores/postgres/open_transaction.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "stores/postgres/errors.hpp"
#include "stores/postgres/postgres_store.hpp"

namespace tidings::stores::postgres {

namespace {

using namespace std::chrono_literals;

/// A server that does not take back a transaction by then has lost its connection, and does it when it sees that.
constexpr Duration roll_back_within = 5s;

/// `UPDATE 3`, `INSERT 0 3`; a query's `SELECT 3` changes nothing.
std::uint64_t rows_changed(PGresult* result) {
  constexpr std::array<std::string_view, 4> changing{"INSERT ", "UPDATE ", "DELETE ", "MERGE "};
  const std::string_view tag = PQcmdStatus(result);
  if (std::ranges::none_of(changing, [&](std::string_view word) { return tag.starts_with(word); })) return 0;
  const std::string_view number = PQcmdTuples(result);
  std::uint64_t rows = 0;
  std::from_chars(number.data(), number.data() + number.size(), rows);
  return rows;
}

}  // namespace

Open::Open(PostgresStore& store, std::unique_ptr<Link> link, bool was_idle, Duration answer_within)
    : store_(store), link_(std::move(link)), was_idle_(was_idle), answer_within_(answer_within) {
  link_->answer_within(answer_within);  // another may have had it for less
}

void Open::end() {
  store_.give_back(std::move(link_));
}

Result<> Open::check() const {
  if (!link_) return Error{"transaction_failed", "the transaction is over"};
  if (has_failed_) return Error{"transaction_failed", "a statement of it failed before: " + why_};
  return {};
}

Error Open::failed(Error why) {
  has_failed_ = true;
  why_ = why.message;
  return why;
}

Result<> Open::commit() {
  if (auto fine = check(); !fine) {
    roll_back();
    return fine;
  }
  if (link_->is_lost()) {  // it was not asked to
    end();
    return Error{"unavailable", "the connection to the database broke before the commit", Retry::same_call};
  }
  if (link_->is_holding()) {  // nothing was ever asked
    end();
    tell_committed();
    return {};
  }
  const auto done = link_->say_last("COMMIT", answer_within_);
  if (!done) {
    auto why = done.error();
    // It may have committed, and died or lost its connection before it could say so.
    if (link_->is_lost() && why.code != "read_only")
      why = {"outcome_unknown", "whether the transaction is committed is not known: " + why.message, Retry::same_call};
    roll_back();
    return why;
  }
  // That is how the server answers where a statement failed that we do not know of, such as one of who has its handle.
  const bool is_done = std::string_view(PQcmdStatus(done->get())) == "COMMIT";
  end();
  if (!is_done) return Error{"transaction_failed", "a statement of it failed before; it is rolled back"};
  tell_committed();
  return {};
}

void Open::roll_back() {
  if (!link_) return;
  if (link_->is_holding()) return end();
  (void)link_->catch_up(roll_back_within);
  const auto status = link_->status();
  if (!link_->is_lost() && (status == PQTRANS_INTRANS || status == PQTRANS_INERROR))
    (void)link_->say("ROLLBACK", roll_back_within);
  end();
}

Result<> Open::save() {
  if (auto fine = check(); !fine) return fine;
  if (auto done =
          link_->say(is_saved_ ? "RELEASE SAVEPOINT tidings; SAVEPOINT tidings" : "SAVEPOINT tidings", answer_within_);
      !done)
    return failed(done.error());
  is_saved_ = true;
  return {};
}

Result<> Open::roll_back_to_saved() {
  if (!link_ || !is_saved_ || link_->is_lost() || link_->status() == PQTRANS_IDLE)
    return Error{"transaction_failed", "there is nothing saved to go back to"};
  if (auto done = link_->say("ROLLBACK TO SAVEPOINT tidings", answer_within_); !done) return failed(done.error());
  has_failed_ = false;
  return {};
}

Result<Answer> Open::run(std::string_view sql, std::span<const SqlView> parameters) {
  if (auto fine = check(); !fine) return fine.error();
  auto answer = link_->is_holding() ? run_first(sql, parameters) : link_->run(sql, parameters);
  if (!answer) return failed(answer.error());
  if (link_->status() == PQTRANS_IDLE)
    return failed(Error{"sql_error", "the statement ended the transaction, which is for who began it to do"});
  return answer;
}

/// A connection that broke while nobody had it: nothing was done over it, and another will do.
Result<Answer> Open::run_first(std::string_view sql, std::span<const SqlView> parameters) {
  while (true) {
    auto answer = link_->run(sql, parameters);
    if (answer || !was_idle_ || !link_->is_lost() || link_->is_late()) return answer;
    auto another = store_.begun(answer_within_);
    if (!another) return another.error();
    link_ = std::move(another->link);
    link_->answer_within(answer_within_);
    was_idle_ = another->was_idle;
  }
}

Result<> Open::run_later(std::string_view sql, std::span<const SqlView> parameters) {
  if (auto fine = check(); !fine) return fine.error();
  auto done = link_->run_later(sql, parameters);
  if (!done) return failed(done.error());
  return {};
}

Result<std::uint64_t> Open::run_statement(std::string_view sql, std::span<const SqlView> parameters) {
  const auto answer = run(sql, parameters);
  if (!answer) return answer.error();
  return rows_changed(answer->get());
}

Result<> Open::run_query(std::string_view sql, std::span<const SqlView> parameters, tidings::detail::RowSink& rows) {
  const auto answer = run(sql, parameters);
  if (!answer) return answer.error();
  RowReader reader(answer->get());
  auto taken = rows.columns(reader.names());
  for (int row = 0; taken && row < PQntuples(answer->get()); ++row) taken = rows.row(reader.row(row));
  if (!taken) taken.error().message += in_statement(sql);
  return taken;
}

void* Open::native_handle(std::string_view type) {
  if (type != type_name<PGconn> || !link_) return nullptr;
  if (auto done = link_->catch_up(answer_within_); !done) (void)failed(done.error());  // he sees it, too
  return link_->native();
}

}  // namespace tidings::stores::postgres
