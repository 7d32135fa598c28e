#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "tidings/event/make_envelope.hpp"
#include "tidings/event/sealer.hpp"
#include "tidings/outbox/tables.hpp"
#include "tidings/store/transaction.hpp"

/// Events that leave with a transaction, or not at all: they are written to a table in it, and a `Relay` publishes them
/// from there.
namespace tidings::outbox {

/// What an event has at most where nobody says what: as of topics (`event_bytes_max_default`).
inline constexpr std::size_t enqueue_bytes_max_default = std::size_t{1} << 20;

struct EnqueueOptions {
  std::string_view source{};            ///< of an event that is made here: the service's name
  const EnvelopeView* cause = nullptr;  ///< likewise: the event whose handler publishes
  std::string_view topic{};             ///< instead of the event's own
  /// What the topic takes, headers included: who is told here can still do something else.
  std::size_t event_bytes_max = enqueue_bytes_max_default;
  bool in_order = false;  ///< an event without a key is refused
  /// Also on a connection of SQLite's that is not in WAL mode or has `synchronous` below FULL: the event may be out,
  /// and what was committed with it gone once the power was.
  bool any_durability = false;
  bool takes_due = false;  ///< also what is due later, into a topic whose reader sees to that
  /// Seals what is to be encrypted: a `Keyring`, or `Service::sealer()`. Without one such an event is refused.
  const Sealer* sealer = nullptr;
  const Tables* tables = &default_tables();
  Clock* clock = &system_clock();
  Entropy* entropy = &system_entropy();
};

/// A row that is to be put in. What it has is borrowed.
struct Row {
  const Tables* tables = nullptr;
  std::uint32_t part = 0;
  std::string_view message_id;
  std::string_view topic;
  std::string_view key;
  std::string_view type;
  std::uint32_t type_version = 1;
  std::int64_t event_time = 0;  ///< ns since 1970
  std::string attributes;       ///< all else, encoded
  std::string_view payload;
  bool any_durability = false;  ///< as in `EnqueueOptions`
};

/// Names what a handle of a database does for an outbox: for a handle `H` there are, where argument-dependent lookup
/// finds them by this tag,
///
///     Result<> tidings_outbox_insert(tidings::outbox::Hook, H& handle, const tidings::outbox::Row& row);
///     void tidings_outbox_refuse(tidings::outbox::Hook, H& handle, const tidings::outbox::Tables& tables,
///                                const tidings::Error& why);
///
/// The first executes `row.tables->insert()` with the row's members as `$1` to `$9`, and refuses where no transaction
/// is open; the second sees to it that the transaction cannot be committed, as far as the database has a way for that.
/// Neither begins, commits or closes anything. Those of `Transaction` are here; for what a program has in its own hands
/// there are headers beside this one.
struct Hook {};

Result<> tidings_outbox_insert(Hook, Transaction& tx, const Row& row);
void tidings_outbox_refuse(Hook, Transaction& tx, const Tables& tables, const Error& why);

namespace detail {

template <class Handle>
concept TakesRows = requires(Handle& handle, const Row& row, const Tables& tables, const Error& why) {
  { tidings_outbox_insert(Hook{}, handle, row) } -> std::same_as<Result<>>;
  tidings_outbox_refuse(Hook{}, handle, tables, why);
};

/// The event, sealed into `sealed` where that is wanted.
[[nodiscard]] Result<EnvelopeView> sealed_if_wanted(const EnvelopeView& event, const EnqueueOptions& options,
                                                    Envelope& sealed);
/// Checks the event as a broker would, and makes the row of it.
[[nodiscard]] Result<Row> make_row(std::string_view topic, const EnvelopeView& event, const EnqueueOptions& options);
/// Error `not_durable` (never) where SQLite may lose what it has committed, by its `PRAGMA journal_mode` and
/// `synchronous`.
[[nodiscard]] Result<> check_durability(std::string_view journal_mode, int synchronous);
/// Of what a database says where a row was not put in: `no_outbox` where the tables are missing, `sql_error` else.
[[nodiscard]] Error not_put_in(const Tables& tables, std::string_view said);
/// Something was put in by way of a handle whose commit nobody tells of: relays of this process look soon, and again.
void expect_commit(const Tables& tables);

template <class Handle>
Result<> refuse(Handle& handle, const Tables& tables, Error why) {
  tidings_outbox_refuse(Hook{}, handle, tables, why);
  return why;
}

/// Says what takes rows.
template <class Handle>
struct RefusedHandle {
  static_assert(TakesRows<Handle>,
                "tidings: outbox::enqueue takes a tidings::Transaction, or a database's handle whose header is "
                "included: tidings/outbox/sqlite3.hpp (sqlite3*), libpq.hpp (PGconn*), pqxx.hpp (pqxx::work and other "
                "real transactions), soci.hpp (soci::session), sqlitecpp.hpp (SQLite::Database)");
};

}  // namespace detail

/// Puts an event that is encoded already into the outbox, for `topic`, within the transaction that `tx` is in: it is
/// published under its own id once that has been committed, and never if it is not. A refusal fails the transaction.
///
/// Events of one key are published in the order of their ids in the table: who may change one aggregate from two
/// transactions at once locks its row before this, and they have the order of the changes.
///
/// Errors: `invalid_name`, `invalid_event`, `too_large`, `missing_key` where order was demanded, `unsupported` for an
/// event that is due later, `not_sealed` for one that is to be encrypted where there is no `EnqueueOptions::sealer`,
/// `no_transaction`, `not_durable` (never; see `EnqueueOptions::any_durability`), those of the sealer and of
/// statements.
template <class Handle>
Result<> enqueue_envelope(Handle&& tx, std::string_view topic, const EnvelopeView& event,
                          const EnqueueOptions& options = {}) {
  if constexpr (detail::TakesRows<Handle>) {
    Envelope sealed;
    auto leaving = detail::sealed_if_wanted(event, options, sealed);
    if (!leaving) return detail::refuse(tx, *options.tables, std::move(leaving).error());
    auto row = detail::make_row(topic, *leaving, options);
    if (!row) return detail::refuse(tx, *options.tables, std::move(row).error());
    auto done = tidings_outbox_insert(Hook{}, tx, *row);
    return done ? std::move(done) : detail::refuse(tx, *options.tables, std::move(done).error());
  } else {
    (void)detail::RefusedHandle<Handle>{};
    return {};
  }
}

/// The same with an event of a program's: its topic, its key and its name are those of its traits.
template <class Handle, class Event>
Result<> enqueue(Handle&& tx, const Event& event, const EnqueueOptions& options = {}) {
  if constexpr (!tidings::detail::is_event<Event>) {
    (void)tidings::detail::RefusedEvent<Event>{};
    return {};
  } else if constexpr (detail::TakesRows<Handle>) {
    auto envelope = make_envelope(
        event, {.source = options.source, .cause = options.cause, .clock = options.clock, .entropy = options.entropy});
    if (!envelope) return detail::refuse(tx, *options.tables, std::move(envelope).error());
    return enqueue_envelope(tx, options.topic.empty() ? event_topic<Event>() : options.topic, envelope->view(),
                            options);
  } else {
    (void)detail::RefusedHandle<Handle>{};
    return {};
  }
}

}  // namespace tidings::outbox
