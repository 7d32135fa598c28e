#pragma once

#include <libpq-fe.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "tidings/outbox/enqueue.hpp"

/// `outbox::enqueue` within a transaction of a program's own on PostgreSQL: `enqueue(connection, event)`, where
/// `connection` is a `PGconn*` between its BEGIN and its COMMIT, with no command under way and not in pipeline mode. A
/// refusal fails the transaction: a COMMIT rolls it back. Who includes this links libpq.
namespace tidings::outbox {

namespace detail {

using PgAnswer = std::unique_ptr<PGresult, decltype(&PQclear)>;

inline Error pg_error(PGconn* connection, const Tables& tables) {
  auto why = not_put_in(tables, PQerrorMessage(connection));
  if (PQstatus(connection) == CONNECTION_OK) return why;
  return {"unavailable", std::move(why.message), Retry::same_call};
}

inline Result<> pg_is_in_transaction(PGconn* connection) {
  switch (PQtransactionStatus(connection)) {
    case PQTRANS_INTRANS:
      return {};
    case PQTRANS_IDLE:
      return Error{"no_transaction",
                   "the connection is in no transaction, so that the event would not leave with anything; BEGIN first"};
    case PQTRANS_INERROR:
      return Error{"transaction_failed", "a statement of the transaction failed before; roll it back"};
    case PQTRANS_ACTIVE:
      return Error{"sql_error", "a command of the connection is under way; take its results first"};
    case PQTRANS_UNKNOWN:
      break;
  }
  return Error{"unavailable", "the connection to the database is lost", Retry::same_call};
}

}  // namespace detail

inline Result<> tidings_outbox_insert(Hook, PGconn* connection, const Row& row) {
  if (auto fine = detail::pg_is_in_transaction(connection); !fine) return fine;
  struct Parameter {
    std::string text;  // of a null-terminated one
    std::string_view bytes;
    bool is_bytes;
  };
  const auto text = [](std::string_view value) { return Parameter{std::string(value), {}, false}; };
  const auto number = [](auto value) { return Parameter{std::to_string(value), {}, false}; };
  const auto bytes = [](std::string_view value) { return Parameter{{}, value, true}; };
  const std::array<Parameter, 9> parameters{number(row.part),       text(row.message_id),  text(row.topic),
                                            text(row.key),          text(row.type),        number(row.type_version),
                                            number(row.event_time), bytes(row.attributes), bytes(row.payload)};
  std::array<const char*, 9> values{};
  std::array<int, 9> lengths{};
  std::array<int, 9> formats{};
  for (std::size_t at = 0; at < parameters.size(); ++at) {
    const auto& one = parameters[at];
    values[at] = !one.is_bytes ? one.text.c_str() : one.bytes.empty() ? "" : one.bytes.data();
    lengths[at] = static_cast<int>(one.bytes.size());
    formats[at] = one.is_bytes ? 1 : 0;
  }
  const detail::PgAnswer answer(PQexecParams(connection, row.tables->insert().c_str(), 9, nullptr, values.data(),
                                             lengths.data(), formats.data(), 0),
                                &PQclear);
  if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK) return detail::pg_error(connection, *row.tables);
  detail::expect_commit(*row.tables);
  return {};
}

inline void tidings_outbox_refuse(Hook, PGconn* connection, const Tables&, const Error& why) {
  if (PQtransactionStatus(connection) != PQTRANS_INTRANS) return;
  // A code is a word of letters and `_`.
  const auto sql = "do $$ begin raise exception 'an event was refused by the outbox: " + why.code + "'; end $$";
  const detail::PgAnswer answer(PQexec(connection, sql.c_str()), &PQclear);
}

}  // namespace tidings::outbox
