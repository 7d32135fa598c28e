#pragma once

#include <exception>
#include <pqxx/pqxx>
#include <string>

#include "tidings/outbox/enqueue.hpp"

/// `outbox::enqueue` within a transaction of libpqxx (6.4): `enqueue(work, event)`, where `work` is a `pqxx::work` or
/// another real transaction; one that commits by itself (`pqxx::nontransaction`) does not compile. A refusal fails the
/// transaction. No exception comes out; what libpqxx threw is the error's message.
namespace tidings::outbox {

inline Result<> tidings_outbox_insert(Hook, pqxx::dbtransaction& work, const Row& row) {
  const auto text = [](std::string_view value) { return std::string(value); };
  const auto bytes = [](std::string_view value) {
    return pqxx::binarystring(value.empty() ? "" : value.data(), value.size());
  };
  try {
    work.exec_params(row.tables->insert(), static_cast<int>(row.part), text(row.message_id), text(row.topic),
                     text(row.key), text(row.type), static_cast<long long>(row.type_version),
                     static_cast<long long>(row.event_time), bytes(row.attributes), bytes(row.payload));
  } catch (const pqxx::broken_connection& lost) {
    return Error{"unavailable", std::string("the event was not put into the outbox: ") + lost.what(), Retry::same_call};
  } catch (const std::exception& thrown) {
    return detail::not_put_in(*row.tables, thrown.what());
  }
  detail::expect_commit(*row.tables);
  return {};
}

inline void tidings_outbox_refuse(Hook, pqxx::dbtransaction& work, const Tables&, const Error& why) {
  try {
    work.exec("do $$ begin raise exception 'an event was refused by the outbox: " + why.code + "'; end $$");
  } catch (const std::exception&) {
    // As it should: the transaction has failed now.
  }
}

}  // namespace tidings::outbox
