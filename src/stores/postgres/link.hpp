#pragma once

#include <libpq-fe.h>

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "stores/postgres/url.hpp"
#include "stores/postgres/values.hpp"
#include "tidings/base/forks.hpp"
#include "tidings/base/log_sink.hpp"

namespace tidings::stores::postgres {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, ClearResult>;

/// A connection, and the statements that it has made ready. Every call ends: a server that does not answer in time has
/// lost its connection. For one thread at a time.
class Link {
 public:
  /// To one of the servers, each of which has an equal share of the time; a name is looked up for as long as the system
  /// takes. Errors: `unavailable` (same call), `permission_denied`, `invalid_url` (never).
  static Result<std::unique_ptr<Link>> connect(const Url& url, LogSink& log, Duration within);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// How long `run` waits for its answer.
  void answer_within(Duration longest) { answer_within_ = longest; }
  /// One or several statements without parameters, as they are.
  Result<Answer> say(const std::string& sql, Duration within);
  /// One statement, which is made ready once.
  Result<Answer> run(std::string_view sql, std::span<const SqlView> values);

  /// A statement without parameters that goes before what is asked next, in one message with it: a way to the server
  /// and back less.
  void hold(std::string_view sql) { held_ = sql; }
  /// As `run`, but that nothing is waited for: an error of it is that of the next call.
  Result<> run_later(std::string_view sql, std::span<const SqlView> values);
  /// One statement without parameters, together with what was held, and what is not answered yet.
  Result<Answer> say_last(const std::string& sql, Duration within);
  /// All is answered that was held or is to be run later.
  Result<> catch_up(Duration within);
  /// Nothing was sent since `hold`.
  [[nodiscard]] bool is_holding() const { return !held_.empty(); }
  /// Whether its server has closed it meanwhile, as far as that is known here.
  [[nodiscard]] bool is_closed();

  /// Nothing more comes of it. In a child of a fork it is its parent's, which would be answered what the child asks.
  [[nodiscard]] bool is_lost() const {
    return is_lost_ || forks_ != fork_count() || PQstatus(connection_) == CONNECTION_BAD;
  }
  /// It was given up since its server did not answer in time.
  [[nodiscard]] bool is_late() const { return is_late_; }
  [[nodiscard]] PGTransactionStatusType status() const { return PQtransactionStatus(connection_); }
  /// For who calls libpq himself; it waits where it has to, then, as libpq does.
  [[nodiscard]] PGconn* native();
  /// No new transaction shall have it.
  void lose() { is_lost_ = true; }

 private:
  struct Kept {
    std::string key;
    std::string name;
  };

  Link(PGconn* connection, Duration answer_within);
  static Result<std::unique_ptr<Link>> connect_to(const Url& url, const Url::Server& server, Duration within);

  /// Sends by `send`, and waits for all of the answer.
  template <class Send>
  Result<Answer> ask(std::string_view sql, Duration within, Send send);
  Result<Answer> await(std::string_view sql, SteadyTime until);
  /// The same as the last of a pipeline, whose statements before it are answered as well. `send` may be null.
  template <class Send>
  Result<Answer> ask_last(std::string_view sql, Duration within, Send send);
  Result<Answer> await_last(std::string_view sql, SteadyTime until);
  Result<> open_pipeline();
  [[nodiscard]] bool has_more_to_send() const { return !held_.empty() || !unanswered_.empty(); }
  Result<> receive(std::string_view sql, SteadyTime until);
  int send_ready(const std::string& name, const Parameters& parameters);
  Error failed(const PGresult* result, std::string_view sql);

  Result<std::string> ready(const std::string& sql, const Parameters& parameters);
  Result<> prepare(const std::string& name, const std::string& sql, std::span<const Oid> types);
  void forget(const std::string& key);
  void forget_all();
  Result<> drop_stale(Duration within);

  PGconn* connection_;
  Duration answer_within_;
  const unsigned forks_;
  bool is_lost_ = false;
  bool is_late_ = false;
  std::string_view held_;
  std::vector<std::string> unanswered_;  // in the pipeline
  std::list<Kept> kept_;                 // the last used first
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_key_;
  std::vector<std::string> stale_;  // names of statements that the server still has
  std::uint64_t names_ = 0;
};

}  // namespace tidings::stores::postgres
