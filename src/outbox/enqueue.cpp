#include "tidings/outbox/enqueue.hpp"

#include "outbox/attributes.hpp"
#include "outbox/bells.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/context.hpp"

namespace tidings::outbox {

Result<> tidings_outbox_insert(Hook, Transaction& tx, const Row& row) {
  auto done =
      tx.execute_later(row.tables->insert(), row.part, row.message_id, row.topic, row.key, row.type, row.type_version,
                       row.event_time, std::as_bytes(std::span(row.attributes)), std::as_bytes(std::span(row.payload)));
  if (!done) return done.error();
  if (Bell::is_any()) {
    // The tables may be gone by the commit; their name is not, and is what they are known by.
    auto name = row.tables->name("outbox");
    static constexpr char once = 0;
    tx.after_commit(row.tables == &default_tables() ? static_cast<const void*>(&once) : row.tables,
                    [name = std::move(name)] { Bell::ring(name); });
  }
  return {};
}

void tidings_outbox_refuse(Hook, Transaction& tx, const Tables&, const Error& why) {
  tx.fail(why);
}

namespace detail {

Result<> check_durability(std::string_view journal_mode, int synchronous) {
  constexpr int full = 2;
  const auto refuse = [](const std::string& what) {
    return Error{"not_durable", what +
                                    "; or say EnqueueOptions::any_durability, if events may leave whose transaction a "
                                    "power failure undoes"};
  };
  if (journal_mode != "wal")
    return refuse("the database is in journal mode '" + std::string(journal_mode) +
                  "', in which the relay and the program block each other; set PRAGMA journal_mode=WAL");
  if (synchronous < full)
    return refuse("the connection has PRAGMA synchronous=" + std::to_string(synchronous) +
                  ", so that a commit is not synced; set it to FULL");
  return {};
}

Error not_put_in(const Tables& tables, std::string_view said) {
  const bool is_missing = said.find("no such table") != said.npos || said.find("does not exist") != said.npos;
  if (is_missing && said.find(tables.prefix() + "outbox") != said.npos)
    return {"no_outbox", "the database has no table " + tables.name("outbox") +
                             "; make the outbox's tables with apply_schema, or `tidings outbox schema --apply`"};
  return {"sql_error", "the event was not put into the outbox: " + std::string(said)};
}

void expect_commit(const Tables& tables) {
  if (Bell::is_any()) Bell::announce(tables.name("outbox"));
}

Result<EnvelopeView> sealed_if_wanted(const EnvelopeView& event, const EnqueueOptions& options, Envelope& sealed) {
  if (options.sealer == nullptr || !options.sealer->must_seal(event)) return event;
  sealed = Envelope(event);
  if (auto done = options.sealer->seal(sealed); !done) return done.error();
  return sealed.view();
}

Result<Row> make_row(std::string_view topic, const EnvelopeView& event, const EnqueueOptions& options) {
  if (auto fine = validate_name("topic", topic); !fine) return fine.error();
  if (auto fine = validate(event, options.event_bytes_max); !fine) {
    auto why = std::move(fine).error();
    if (why.code == "too_large")
      why.message = "event " + printable(event.type) + " is larger than " + std::to_string(options.event_bytes_max) +
                    " bytes with its headers; make it smaller, or where its topic takes more, say so in "
                    "EnqueueOptions::event_bytes_max";
    return why;
  }
  if (options.in_order && event.key.empty())
    return Error{"missing_key", "event " + printable(event.type) +
                                    " has no key, and order was demanded; give it one (.key in its traits), or leave "
                                    "EnqueueOptions::in_order alone"};
  if (!options.takes_due && event.headers.get(due_header))
    return Error{"unsupported", "event " + printable(event.type) +
                                    " is due later, and the outbox publishes at once; publish it with the service"};
  Row row{.tables = options.tables,
          // Those without a key are spread.
          .part = part_of(event.key.empty() ? event.id : event.key),
          .message_id = event.id,
          .topic = topic,
          .key = event.key,
          .type = event.type,
          .type_version = event.version,
          .event_time = event.time.time_since_epoch().count(),
          .attributes = encode_attributes(event),
          .payload = event.payload,
          .any_durability = options.any_durability};
  if (event.key.find('\0') != event.key.npos)
    return Error{"invalid_event", "the event's key has a NUL, which databases do not keep in a text"};
  return row;
}

}  // namespace detail
}  // namespace tidings::outbox
