#pragma once

#include <soci/soci.h>

#include <exception>
#include <string>

#include "tidings/base/text.hpp"
#include "tidings/outbox/enqueue.hpp"

/// `outbox::enqueue` within a transaction of SOCI (4.0): `enqueue(session, event)`, while a `soci::transaction` is open
/// on the session, over its backends `postgresql` and `sqlite3`. On PostgreSQL a refusal fails the transaction; on
/// SQLite as in sqlite3.hpp. No exception comes out; what SOCI threw is the error's message.
namespace tidings::outbox {

namespace detail {

inline std::string hex_of(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 0xf];
  }
  return text;
}

/// SOCI does not say whether a transaction is open; the database does.
inline bool soci_is_in_transaction(soci::session& session, bool is_sqlite) {
  try {
    if (!is_sqlite) {
      session << "savepoint tidings_outbox";  // fails outside
      session << "release savepoint tidings_outbox";
      return true;
    }
    session << "begin";  // fails inside
    session << "rollback";
    return false;
  } catch (const soci::soci_error&) {
    return is_sqlite;
  }
}

/// With the names that SOCI has: `:p1` for `$1`. `bytes` stands for those of the two columns of bytes.
inline std::string soci_statement(const Row& row, std::string_view attributes, std::string_view payload) {
  std::string sql = row.tables->insert();
  const auto from = sql.find("$1");
  sql.resize(from);
  for (int at = 1; at <= 7; ++at) sql += ":p" + std::to_string(at) + ", ";
  return sql += std::string(attributes) + ", " + std::string(payload) + ")";
}

}  // namespace detail

inline Result<> tidings_outbox_insert(Hook, soci::session& session, const Row& row) {
  const auto backend = session.get_backend_name();
  const bool is_sqlite = backend == "sqlite3";
  if (!is_sqlite && backend != "postgresql")
    return Error{"unsupported", "the outbox is on PostgreSQL and SQLite, and this session is on " + backend};
  if (!detail::soci_is_in_transaction(session, is_sqlite))
    return Error{"no_transaction",
                 "the session is in no transaction, so that the event would not leave with anything; begin one first"};
  const auto part = static_cast<int>(row.part);
  const std::string message_id(row.message_id);
  const std::string topic(row.topic);
  const std::string key(row.key);
  const std::string type(row.type);
  const auto type_version = static_cast<long long>(row.type_version);
  const auto event_time = static_cast<long long>(row.event_time);
  try {
    if (is_sqlite && !row.any_durability) {
      std::string journal_mode;
      int synchronous = 0;
      session << "pragma journal_mode", soci::into(journal_mode);
      session << "pragma synchronous", soci::into(synchronous);
      if (auto durable = detail::check_durability(journal_mode, synchronous); !durable) return durable;
    }
    if (is_sqlite) {
      soci::blob attributes(session);
      soci::blob payload(session);
      const auto name = [](std::string_view bytes, const char* named) { return bytes.empty() ? "x''" : named; };
      if (!row.attributes.empty()) attributes.append(row.attributes.data(), row.attributes.size());
      if (!row.payload.empty()) payload.append(row.payload.data(), row.payload.size());
      soci::statement statement(session);
      statement.exchange(soci::use(part, "p1"));
      statement.exchange(soci::use(message_id, "p2"));
      statement.exchange(soci::use(topic, "p3"));
      statement.exchange(soci::use(key, "p4"));
      statement.exchange(soci::use(type, "p5"));
      statement.exchange(soci::use(type_version, "p6"));
      statement.exchange(soci::use(event_time, "p7"));
      if (!row.attributes.empty()) statement.exchange(soci::use(attributes, "p8"));
      if (!row.payload.empty()) statement.exchange(soci::use(payload, "p9"));
      statement.alloc();
      statement.prepare(detail::soci_statement(row, name(row.attributes, ":p8"), name(row.payload, ":p9")));
      statement.define_and_bind();
      statement.execute(true);
    } else {
      const auto attributes = detail::hex_of(row.attributes);
      const auto payload = detail::hex_of(row.payload);
      session << detail::soci_statement(row, "decode(:p8, 'hex')", "decode(:p9, 'hex')"), soci::use(part, "p1"),
          soci::use(message_id, "p2"), soci::use(topic, "p3"), soci::use(key, "p4"), soci::use(type, "p5"),
          soci::use(type_version, "p6"), soci::use(event_time, "p7"), soci::use(attributes, "p8"),
          soci::use(payload, "p9");
    }
  } catch (const std::exception& thrown) {
    return detail::not_put_in(*row.tables, thrown.what());
  }
  detail::expect_commit(*row.tables);
  return {};
}

inline void tidings_outbox_refuse(Hook, soci::session& session, const Tables& tables, const Error& why) {
  const bool is_sqlite = session.get_backend_name() == "sqlite3";
  try {
    if (!is_sqlite) {
      session << "do $$ begin raise exception 'an event was refused by the outbox: " + why.code + "'; end $$";
    } else if (detail::soci_is_in_transaction(session, true)) {
      const auto text = to_string(why);
      session << "insert into " + tables.name("outbox_refused") + "(parent, why) values (0, :why)", soci::use(text);
    }
  } catch (const std::exception&) {
    // As it should: the transaction has failed now.
  }
}

}  // namespace tidings::outbox
