#include <algorithm>

#include "stores/postgres/errors.hpp"
#include "stores/postgres/link.hpp"
#include "stores/postgres/waiting.hpp"
#include "tidings/base/text.hpp"

namespace tidings::stores::postgres {

namespace {

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};

/// libpq's parameters; what the URL says comes last, and counts.
std::vector<std::pair<const char*, const char*>> parameters_of(const Url& url, const Url::Server& server) {
  // A machine that is gone says no more; half a minute later the connection is lost.
  std::vector<std::pair<const char*, const char*>> all{{"fallback_application_name", "tidings"},
                                                       {"keepalives_idle", "15"},
                                                       {"keepalives_interval", "5"},
                                                       {"keepalives_count", "3"},
                                                       {"tcp_user_timeout", "30000"}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) all.emplace_back(name, value.c_str());
  };
  add("host", server.host);
  add("port", server.port);
  add("user", url.user);
  add("password", url.password);
  add("dbname", url.database);
  for (const auto& [name, value] : url.options) add(name.c_str(), value);
  all.emplace_back("client_encoding", "UTF8");
  return all;
}

/// Some notices are of use to who runs the program; most (`relation exists, skipping`) are not.
void take_notice(void* log, const PGresult* notice) {
  const auto* const severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  const auto* const message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
  const bool is_warning = severity != nullptr && std::string_view(severity) == "WARNING";
  static_cast<LogSink*>(log)->write(is_warning ? LogLevel::warning : LogLevel::debug,
                                    "postgres: " + printable(message == nullptr ? "" : message));
}

}  // namespace

Result<std::unique_ptr<Link>> Link::connect_to(const Url& url, const Url::Server& server, Duration within) {
  const auto until = steady_now() + within;
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : parameters_of(url, server)) {
    names.push_back(name);
    values.push_back(value);
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<PGconn, FinishConnection> connection(PQconnectStartParams(names.data(), values.data(), 0));
  if (!connection) return Error{"out_of_memory", "no memory for a connection", Retry::same_call};
  auto next = PQstatus(connection.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
    if (!wait_for(PQsocket(connection.get()), next == PGRES_POLLING_READING, next == PGRES_POLLING_WRITING, until))
      return Error{"unavailable", "the database at " + url.shown() + " does not answer; it is tried again",
                   Retry::same_call};
    next = PQconnectPoll(connection.get());
  }
  if (next == PGRES_POLLING_FAILED) return connect_error(connection.get(), url.shown());
  return std::unique_ptr<Link>(new Link(connection.release(), url.answer_within));
}

Result<std::unique_ptr<Link>> Link::connect(const Url& url, LogSink& log, Duration within) {
  const auto until = steady_now() + within;
  Result<std::unique_ptr<Link>> made = Error{"unavailable", "there is no server", Retry::same_call};
  for (std::size_t at = 0; at < url.servers.size(); ++at) {
    const auto share = (until - steady_now()) / static_cast<std::int64_t>(url.servers.size() - at);
    made = connect_to(url, url.servers[at], std::max(share, Duration::zero()));
    if (made) break;
  }
  if (made) PQsetNoticeReceiver((*made)->connection_, take_notice, &log);
  return made;
}

}  // namespace tidings::stores::postgres
