#include "stores/postgres/link.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "stores/postgres/errors.hpp"
#include "stores/postgres/waiting.hpp"

namespace tidings::stores::postgres {

namespace {

constexpr std::size_t kept_max = 128;
constexpr std::size_t unanswered_max = 128;

/// What a statement that was made ready gives may be another after these.
bool changes_the_schema(const PGresult* result) {
  const std::string_view tag = PQcmdStatus(const_cast<PGresult*>(result));  // which it only reads
  return tag.starts_with("ALTER") || tag.starts_with("CREATE") || tag.starts_with("DROP");
}

bool ends_the_connection(const PGresult* result) {
  const auto* const severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity != nullptr && (std::string_view(severity) == "FATAL" || std::string_view(severity) == "PANIC");
}

std::string_view state_of(const PGresult* result) {
  const auto* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == nullptr ? std::string_view{} : state;
}

}  // namespace

Link::Link(PGconn* connection, Duration answer_within)
    : connection_(connection), answer_within_(answer_within), forks_(fork_count()) {}

Link::~Link() {
  // In a child of a fork it would end the parent's session.
  if (forks_ == fork_count()) PQfinish(connection_);
}

PGconn* Link::native() {
  PQsetnonblocking(connection_, 0);
  return connection_;
}

template <class Send>
Result<Answer> Link::ask(std::string_view sql, Duration within, Send send) {
  const auto until = steady_now() + within;
  if (is_lost()) return failed(nullptr, sql);
  PQsetnonblocking(connection_, 1);
  if (send() == 0) return failed(nullptr, sql);
  return await(sql, until);
}

/// See https://www.postgresql.org/docs/15/libpq-async.html: while it takes no more, what it sends must be read, or both
/// wait for one another.
Result<> Link::receive(std::string_view sql, SteadyTime until) {
  while (true) {
    const int unsent = PQflush(connection_);
    if (unsent < 0) return failed(nullptr, sql);
    if (unsent == 0 && PQisBusy(connection_) == 0) return {};
    if (!wait_for(PQsocket(connection_), true, unsent > 0, until)) {
      is_lost_ = is_late_ = true;
      return Error{"unavailable", "the database does not answer; the connection is given up" + in_statement(sql),
                   Retry::same_call};
    }
    if (PQconsumeInput(connection_) == 0) return failed(nullptr, sql);
  }
}

Result<Answer> Link::await(std::string_view sql, SteadyTime until) {
  Answer answer;
  Result<> fine;
  while (true) {
    if (auto received = receive(sql, until); !received) return fine ? received.error() : fine.error();
    Answer next(PQgetResult(connection_));
    if (!next) break;
    switch (PQresultStatus(next.get())) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        answer = std::move(next);
        break;
      case PGRES_EMPTY_QUERY:
        if (fine) fine = Error{"sql_error", "there is no statement"};
        break;
      case PGRES_COPY_IN:
      case PGRES_COPY_OUT:
      case PGRES_COPY_BOTH:
        is_lost_ = true;  // it would have to be led to its end
        return Error{"sql_error", "copy is for who has the database's own handle" + in_statement(sql)};
      default:
        if (fine) fine = failed(next.get(), sql);
    }
  }
  if (!fine) return fine.error();
  if (!answer) return failed(nullptr, sql);
  if (changes_the_schema(answer.get())) forget_all();
  return answer;
}

Error Link::failed(const PGresult* result, std::string_view sql) {
  if (result != nullptr) {
    // A server that has become read-only is no longer the one to be connected to.
    if (ends_the_connection(result) || state_of(result) == "25006") is_lost_ = true;
    if (state_of(result) == "26000") {  // so that others may be gone, too
      kept_.clear();
      by_key_.clear();
    }
  }
  return error_of(result, connection_, sql);
}

/// https://www.postgresql.org/docs/15/libpq-pipeline-mode.html
Result<> Link::open_pipeline() {
  if (is_lost()) return failed(nullptr, {});
  PQsetnonblocking(connection_, 1);
  if (PQpipelineStatus(connection_) == PQ_PIPELINE_OFF && PQenterPipelineMode(connection_) == 0)
    return failed(nullptr, {});
  if (held_.empty()) return {};
  const std::string sql(std::exchange(held_, {}));
  if (PQsendQueryParams(connection_, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 0)
    return failed(nullptr, sql);
  unanswered_.push_back(sql);
  return {};
}

template <class Send>
Result<Answer> Link::ask_last(std::string_view sql, Duration within, Send send) {
  const auto until = steady_now() + within;
  if (auto opened = open_pipeline(); !opened) return opened.error();
  if (send() == 0 || PQpipelineSync(connection_) == 0) {
    is_lost_ = true;  // what is in the pipeline would be answered to whoever asks next
    return failed(nullptr, sql);
  }
  auto answer = await_last(sql, until);
  unanswered_.clear();
  if (!is_lost() && PQexitPipelineMode(connection_) == 0) is_lost_ = true;
  return answer;
}

/// Each statement's answer ends with none; after the first that fails the others are not run.
Result<Answer> Link::await_last(std::string_view sql, SteadyTime until) {
  Answer answer;
  Result<> fine;
  std::size_t at = 0;
  while (true) {
    const auto statement = at < unanswered_.size() ? std::string_view(unanswered_[at]) : sql;
    if (auto received = receive(statement, until); !received) return fine ? received.error() : fine.error();
    Answer next(PQgetResult(connection_));
    if (!next) {
      if (is_lost()) return fine ? failed(nullptr, statement) : fine.error();
      ++at;
      continue;
    }
    const auto status = PQresultStatus(next.get());
    if (status == PGRES_PIPELINE_SYNC) break;
    switch (status) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        answer = std::move(next);
        break;
      case PGRES_PIPELINE_ABORTED:
        break;
      case PGRES_EMPTY_QUERY:
        if (fine) fine = Error{"sql_error", "there is no statement"};
        break;
      case PGRES_COPY_IN:
      case PGRES_COPY_OUT:
      case PGRES_COPY_BOTH:
        is_lost_ = true;  // it would have to be led to its end
        return Error{"sql_error", "copy is for who has the database's own handle" + in_statement(statement)};
      default:
        if (fine) fine = failed(next.get(), statement);
    }
  }
  if (!fine) return fine.error();
  if (answer && changes_the_schema(answer.get())) forget_all();
  return answer;
}

Result<> Link::catch_up(Duration within) {
  if (!has_more_to_send()) return {};
  auto done = ask_last({}, within, [] { return 1; });
  if (!done) return done.error();
  return {};
}

Result<Answer> Link::say_last(const std::string& sql, Duration within) {
  if (!has_more_to_send()) return say(sql, within);
  return ask_last(sql, within, [&] {
    return PQsendQueryParams(connection_, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0);
  });
}

bool Link::is_closed() {
  // What it says by itself is an end, or a notice.
  while (!is_lost() && wait_for(PQsocket(connection_), true, false, {})) {
    if (PQconsumeInput(connection_) == 0) return true;
    (void)PQisBusy(connection_);
  }
  return is_lost();
}

Result<Answer> Link::say(const std::string& sql, Duration within) {
  if (auto done = catch_up(within); !done) return done.error();
  return ask(sql, within, [&] { return PQsendQuery(connection_, sql.c_str()); });
}

Result<Answer> Link::run(std::string_view sql, std::span<const SqlView> values) {
  if (sql.find('\0') != sql.npos) return Error{"sql_error", "a statement has no NUL in it" + in_statement(sql)};
  auto parameters = Parameters::make(values);
  if (!parameters) return Error{"sql_error", parameters.error().message + in_statement(sql)};
  const std::string text(sql);
  const auto name = ready(text, *parameters);
  if (!name) return name.error();
  const auto send = [&] { return send_ready(*name, *parameters); };
  auto answer = has_more_to_send() ? ask_last(sql, answer_within_, send) : ask(sql, answer_within_, send);
  if (!answer && answer.error().code == "conflict") forget(parameters->kinds() + text);
  return answer;
}

Result<> Link::run_later(std::string_view sql, std::span<const SqlView> values) {
  if (sql.find('\0') != sql.npos) return Error{"sql_error", "a statement has no NUL in it" + in_statement(sql)};
  auto parameters = Parameters::make(values);
  if (!parameters) return Error{"sql_error", parameters.error().message + in_statement(sql)};
  if (unanswered_.size() >= unanswered_max)
    if (auto done = catch_up(answer_within_); !done) return done.error();
  std::string text(sql);
  const auto name = ready(text, *parameters);
  if (!name) return name.error();
  if (auto opened = open_pipeline(); !opened) return opened.error();
  if (send_ready(*name, *parameters) == 0) {
    is_lost_ = true;
    return failed(nullptr, sql);
  }
  unanswered_.push_back(std::move(text));
  return {};
}

int Link::send_ready(const std::string& name, const Parameters& parameters) {
  return PQsendQueryPrepared(connection_, name.c_str(), parameters.count(), parameters.values(), parameters.lengths(),
                             parameters.formats(), 0);
}

Result<> Link::prepare(const std::string& name, const std::string& sql, std::span<const Oid> types) {
  auto made = ask(sql, answer_within_, [&] {
    return PQsendPrepare(connection_, name.c_str(), sql.c_str(), static_cast<int>(types.size()), types.data());
  });
  if (!made) return made.error();
  return {};
}

Result<std::string> Link::ready(const std::string& sql, const Parameters& parameters) {
  const auto& kinds = parameters.kinds();
  auto key = kinds + sql;
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    kept_.splice(kept_.begin(), kept_, found->second);
    return found->second->name;
  }
  if (!unanswered_.empty())
    if (auto done = catch_up(answer_within_); !done) return done.error();
  if (kept_.size() >= kept_max) forget(std::string(kept_.back().key));
  if (auto dropped = drop_stale(answer_within_); !dropped) return dropped.error();
  auto name = "tidings_" + std::to_string(++names_);
  auto types = types_of(kinds);
  if (auto made = prepare(name, sql, types); !made) return made.error();
  if (kinds.find_first_of("if") != kinds.npos) {
    const auto about = ask(sql, answer_within_, [&] { return PQsendDescribePrepared(connection_, name.c_str()); });
    if (!about) return about.error();
    std::vector<Oid> found;
    for (int at = 0; at < PQnparams(about->get()); ++at) found.push_back(PQparamtype(about->get(), at));
    if (numbers_are_numbers(kinds, found, types)) {
      stale_.push_back(name);
      name = "tidings_" + std::to_string(++names_);
      if (auto made = prepare(name, sql, types); !made) return made.error();
    }
  }
  kept_.push_front({std::move(key), name});
  by_key_[kept_.front().key] = kept_.begin();
  return name;
}

void Link::forget(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  const auto place = found->second;
  stale_.push_back(place->name);
  by_key_.erase(found);
  kept_.erase(place);
}

void Link::forget_all() {
  for (const auto& one : kept_) stale_.push_back(one.name);
  by_key_.clear();
  kept_.clear();
}

Result<> Link::drop_stale(Duration within) {
  if (stale_.empty()) return {};
  std::string all;
  for (const auto& name : std::exchange(stale_, {})) all += "DEALLOCATE " + name + ";";
  auto dropped = ask(all, within, [&] { return PQsendQuery(connection_, all.c_str()); });
  if (!dropped) return dropped.error();
  return {};
}

}  // namespace tidings::stores::postgres
