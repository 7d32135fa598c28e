#include "outbox/engine.hpp"

#include <algorithm>
#include <chrono>

#include "outbox/belonging.hpp"
#include "outbox/dialect.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/base/text.hpp"

namespace tidings::outbox {

namespace {

using namespace std::chrono_literals;

constexpr Duration look_at_keys_often = 20ms;
constexpr Duration look_at_keys_rarely = 500ms;
constexpr std::size_t fetched_bytes_max = std::size_t{64} << 20;  // about that
constexpr std::int64_t fetched_at_least = 16;                     // of a part
constexpr std::int64_t due_keys_max = 256;
constexpr std::int64_t cleaned_at_once = 1000;
constexpr Duration clean_every = 100ms;

struct Checked {
  std::int64_t part = 0;
  std::int64_t epoch = 0;
};
struct DueKey {
  std::int64_t part = 0;
  std::string topic;
  std::string key;
  std::int64_t lane = 0;
  std::int64_t attempts = 0;
};

bool is_decided(const Part& part) {
  return std::ranges::any_of(part.flight, [](const Flying& flying) { return flying.fate != Fate::open; });
}

}  // namespace

Engine::Engine(Store& store, Broker& broker, const RelayOptions& options)
    : store_(store),
      broker_(broker),
      options_(options),
      statements_(store.dialect(), options.tables),
      leases_(store, options, statements_),
      settled_(statements_),
      sender_(broker, options) {}

bool Engine::is_beat_due() const {
  return leases_.is_beat_due(steady_now());
}

Result<Engine::Cycle> Engine::cycle(Duration wait_max) {
  if (auto done = exchange(wait_max, true); !done) return done.error();
  Cycle cycle;
  for (const auto& [number, part] : leases_.held()) cycle.has_worked = cycle.has_worked || !part.flight.empty();
  if (!cycle.has_worked) return cycle;
  auto sent = sender_.send(leases_.held(), identity_, leases_.valid_until());
  counts_.sent += sent.sent;
  counts_.duplicates += sent.duplicates;
  counts_.failed += sent.failed;
  counts_.fenced += sent.fenced.size();
  for (const auto part : sent.fenced) {
    // Whoever was before it has the events, and settles them; the part is to be taken anew, under another epoch.
    leases_.lose(part);
    leases_.want_beat();
  }
  cycle.broker_trouble = std::move(sent.trouble);
  return cycle;
}

std::vector<std::uint32_t> Engine::free_parts() const {
  std::vector<std::uint32_t> free;
  if (steady_now() >= leases_.valid_until()) return free;
  for (const auto& [number, part] : leases_.held())
    if (!part.is_leaving && std::ranges::all_of(part.flight, [](const Flying& f) { return f.fate != Fate::open; }))
      free.push_back(number);
  return free;
}

/// Where the database has statements that fail unless all is as it should be, nothing is waited for but what is next: a
/// transaction is then two ways to the database and back.
Result<> Engine::exchange(Duration wait_max, bool takes_new) {
  auto done = exchange_once(wait_max, takes_new);
  if (done || !is_not_all(done.error())) return done;
  is_careful_ = true;
  done = exchange_once(wait_max, takes_new);
  is_careful_ = false;
  return done;
}

Result<> Engine::exchange_once(Duration wait_max, bool takes_new) {
  const bool has_decided = std::ranges::any_of(leases_.held(), [](const auto& one) { return is_decided(one.second); });
  const auto free = takes_new ? free_parts() : std::vector<std::uint32_t>{};
  // Who has taken parts over with all that was on its way sends under the outbox's identity, too.
  if (identity_ != 0 && !has_decided && free.empty()) return {};
  auto tx = store_.begin(wait_max);
  if (!tx) return tx.error();
  (*tx)->answer_within(options_.lease / 2);
  if (auto done = keep_identity(**tx); !done) return done;
  if (auto done = settle(**tx); !done) return done;
  Beginning beginning;
  if (takes_new) {
    if (auto done = fetch(**tx, beginning); !done) return done;
    if (auto done = settled_.look(**tx, steady_now()); !done) return done;
    if (auto done = clean(**tx); !done) return done;
  }
  if (auto done = (*tx)->commit(); !done) return done;
  for (auto& [number, part] : leases_.held()) {
    std::erase_if(part.flight, [](const Flying& flying) { return flying.fate != Fate::open; });
    if (const auto found = beginning.flights.find(number); found != beginning.flights.end()) {
      if (!found->second.empty()) part.next_sequence = found->second.back().sequence + 1;
      std::ranges::move(found->second, std::back_inserter(part.flight));
    }
    if (const auto found = beginning.beyond.find(number); found != beginning.beyond.end()) part.beyond = found->second;
  }
  return {};
}

Result<> Engine::keep_identity(Transaction& tx) {
  if (identity_ != 0) return {};
  auto identity = claim(tx, store_.dialect(), options_.tables, options_.name_space);
  if (!identity) return identity.error();
  identity_ = *identity;
  return {};
}

/// What was sent goes, and what was refused is held, of those parts that are this relay's still.
Result<> Engine::settle(Transaction& tx) {
  const auto dialect = store_.dialect();
  std::vector<std::uint32_t> decided;
  for (const auto& [number, part] : leases_.held())
    if (is_decided(part)) decided.push_back(number);
  if (decided.empty()) return {};
  if (auto done = check(tx, decided); !done) return done;
  std::vector<std::int64_t> of_outbox;
  std::vector<std::int64_t> of_held;
  for (const auto& [number, part] : leases_.held())
    for (const auto& flying : part.flight)
      if (flying.fate == Fate::sent) (flying.event.is_held != 0 ? of_held : of_outbox).push_back(flying.event.id);
  const auto run = [&](const std::string& archive, const std::string& remove,
                       const std::vector<std::int64_t>& ids) -> Result<> {
    if (ids.empty()) return {};
    const auto list = number_list(std::span<const std::int64_t>(ids), dialect);
    if (options_.archive_for)
      if (auto done = tx.execute_later(archive, list); !done) return done;
    return tx.execute_later(remove, list);
  };
  if (auto done = run(statements_.archive_outbox, statements_.remove_outbox, of_outbox); !done) return done;
  if (auto done = run(statements_.archive_held, statements_.remove_held, of_held); !done) return done;
  for (const auto& [number, part] : leases_.held()) {
    if (auto done = hold(tx, number, part); !done) return done;
    if (auto done = give_key_free(tx, part); !done) return done;
  }
  return {};
}

/// From here on until the end of the transaction nobody else takes the parts; those that somebody has taken are lost.
Result<> Engine::check(Transaction& tx, std::span<const std::uint32_t> decided) {
  const auto dialect = store_.dialect();
  if (!statements_.check_all.empty() && !is_careful_) {
    std::vector<std::int64_t> epochs;
    for (const auto number : decided) epochs.push_back(leases_.held().at(number).epoch);
    return tx.execute_later(statements_.check_all, leases_.name(), number_list(decided, dialect),
                            number_list(std::span<const std::int64_t>(epochs), dialect), decided.size());
  }
  const auto own = tx.query<Checked>(statements_.check, leases_.name(), number_list(decided, dialect));
  if (!own) return own.error();
  for (const auto number : decided) {
    const auto is_own = [&](const Checked& one) {
      return one.part == number && one.epoch == leases_.held().at(number).epoch;
    };
    // Another has it, and what was on its way.
    if (std::ranges::none_of(*own, is_own)) leases_.lose(number);
  }
  return {};
}

/// Keys of which an event was refused: it and what is behind it is held from now on.
Result<> Engine::hold(Transaction& tx, std::uint32_t number, const Part& part) {
  const auto dialect = store_.dialect();
  std::vector<std::int64_t> moved;
  bool has_failed = false;
  for (const auto& flying : part.flight) {
    if (flying.fate != Fate::failed && flying.fate != Fate::behind) continue;
    has_failed = true;
    const auto& event = flying.event;
    if (event.is_held == 0) moved.push_back(event.id);
    if (flying.fate == Fate::behind) continue;
    const auto attempts = tx.query_one<std::int64_t>(statements_.fail, number, event.topic, event.key, event.lane(),
                                                     flying.error.code, printable(flying.error.message));
    if (!attempts) return attempts.error();
    const auto failed = attempts->value_or(1);
    if (failed >= options_.attempts_max) {
      if (auto done = tx.execute(statements_.park, number, event.topic, event.key, event.lane()); !done)
        return done.error();
      options_.log->write(LogLevel::warning, "outbox: an event of key '" + printable(event.key) + "' for topic " +
                                                 event.topic + " was refused " + std::to_string(failed) +
                                                 " times, and the key is parked: " + to_string(flying.error));
      continue;
    }
    auto pause = options_.retry_first;
    for (auto more = failed; more > 1 && pause < options_.retry_longest; --more) pause *= 2;
    pause = std::min(pause, options_.retry_longest);
    pause = pause / 2 + Duration{static_cast<Duration::rep>(
                            options_.entropy->below(static_cast<std::uint64_t>(pause.count() / 2 + 1)))};
    if (auto done = tx.execute(statements_.retry, number, event.topic, event.key, event.lane(),
                               std::chrono::duration_cast<std::chrono::milliseconds>(pause).count());
        !done)
      return done.error();
  }
  if (!has_failed) return {};
  has_held_keys_ = true;
  if (!moved.empty()) {
    const auto list = number_list(std::span<const std::int64_t>(moved), dialect);
    for (const auto* const statement : {&statements_.hold, &statements_.remove_outbox})
      if (auto done = tx.execute(*statement, list); !done) return done.error();
  }
  // What was refused is not there under its sequence, and must not be taken for what is: it gets another one.
  const auto rest = flight_text(part.flight);
  const auto list = "[[" + std::to_string(number) + "," + std::to_string(part.epoch) + "," +
                    std::to_string(part.next_sequence) + ",\"" + rest + "\"]]";
  auto done = tx.execute(statements_.fly, leases_.name(), list);
  return done ? Result<>{} : done.error();
}

/// Keys of which held events were sent: what is held behind them is due, and where nothing is, the key is free.
Result<> Engine::give_key_free(Transaction& tx, const Part& part) {
  const Flying* last = nullptr;
  for (const auto& flying : part.flight) {
    if (flying.fate != Fate::sent || flying.event.is_held == 0) continue;
    if (last != nullptr && last->event.is_of_one_key_with(flying.event)) continue;
    last = &flying;
    const auto& event = flying.event;
    const auto is_stopped = [&](const Flying& other) {
      return other.fate == Fate::failed && other.event.is_of_one_key_with(event);
    };
    if (std::ranges::any_of(part.flight, is_stopped)) continue;
    const auto freed = tx.execute(statements_.free_key, event.part, event.topic, event.key, event.lane());
    if (!freed) return freed.error();
    if (*freed != 0) continue;
    if (auto done = tx.execute(statements_.go_on, event.part, event.topic, event.key, event.lane()); !done)
      return done.error();
    next_look_at_keys_ = {};
  }
  return {};
}

/// So many of each part that memory has a bound.
std::int64_t Engine::fetch_max(std::size_t of_parts) const {
  const auto by_number =
      std::max<std::int64_t>(static_cast<std::int64_t>(options_.batch_max / of_parts), fetched_at_least);
  const auto by_bytes = static_cast<std::int64_t>(fetched_bytes_max / (row_bytes_ * of_parts));
  return std::clamp<std::int64_t>(by_number, 1, std::max<std::int64_t>(by_bytes, 1));
}

Result<> Engine::fetch(Transaction& tx, Beginning& beginning) {
  const auto free = free_parts();
  if (free.empty()) return {};
  if (auto done = take_due(tx, free, beginning); !done) return done;
  auto rows = fetch_rows(tx, free, beginning);
  if (!rows) return rows.error();
  std::vector<std::int64_t> behind;
  std::set<std::uint32_t> moved;
  std::size_t bytes = 0;
  for (auto& row : *rows) {
    bytes += 256 + row.payload.size() + row.attributes.size();
    const auto number = static_cast<std::uint32_t>(row.part);
    if (row.is_held != 0) {  // its key is
      behind.push_back(row.id);
      moved.insert(number);
      continue;
    }
    beginning.flights[number].push_back({.event = std::move(row)});
  }
  if (!rows->empty()) row_bytes_ = std::max<std::size_t>(1024, bytes / rows->size());
  if (!behind.empty()) {
    const auto list = number_list(std::span<const std::int64_t>(behind), store_.dialect());
    for (const auto* const statement : {&statements_.hold, &statements_.remove_outbox})
      if (auto done = tx.execute(*statement, list); !done) return done.error();
  }
  return begin(tx, moved, beginning);
}

/// The first of each part, by their ids; and beyond which it is to look next.
Result<std::vector<Stored>> Engine::fetch_rows(Transaction& tx, std::span<const std::uint32_t> free,
                                               Beginning& beginning) {
  const auto dialect = store_.dialect();
  const auto most = fetch_max(free.size());
  Result<std::vector<Stored>> rows;
  if (dialect == SqlDialect::sqlite) {  // what is removed there is gone
    rows = tx.query<Stored>(statements_.fetch, number_list(free, dialect), most);
  } else {
    std::vector<std::int64_t> beyond;
    for (const auto number : free) beyond.push_back(leases_.held().at(number).beyond);
    rows = tx.query<Stored>(statements_.fetch, number_list(free, dialect), most,
                            number_list(std::span<const std::int64_t>(beyond), dialect));
  }
  if (!rows) return rows;
  std::ranges::sort(*rows, {}, &Stored::id);
  if (dialect == SqlDialect::sqlite) return rows;
  std::map<std::int64_t, std::int64_t> counts;
  std::map<std::int64_t, std::int64_t> last;
  for (const auto& row : *rows) {
    ++counts[row.part];
    last[row.part] = row.id;
  }
  for (const auto number : free) {
    const auto seen = counts[number] < most ? settled_.up_to() : std::min(settled_.up_to(), last[number]);
    beginning.beyond[number] = std::max(leases_.held().at(number).beyond, seen);
  }
  return rows;
}

/// Of held keys whose time has come: the first event where it was refused before, else as many as there are.
Result<> Engine::take_due(Transaction& tx, std::span<const std::uint32_t> free, Beginning& beginning) {
  const auto at = steady_now();
  if (at < next_look_at_keys_) return {};
  next_look_at_keys_ = at + (has_held_keys_ ? look_at_keys_often : look_at_keys_rarely);
  const auto due = tx.query<DueKey>(statements_.due, number_list(free, store_.dialect()), due_keys_max);
  if (!due) return due.error();
  has_held_keys_ = !due->empty() || has_held_keys_;
  for (const auto& key : *due) {
    auto rows = tx.query<Stored>(statements_.of_key, key.part, key.topic, key.key, key.lane,
                                 key.attempts > 0 ? 1 : fetch_max(1) / static_cast<std::int64_t>(due->size()) + 1);
    if (!rows) return rows.error();
    // Dropped, or sent by one who did not live to say so.
    if (rows->empty())
      if (auto freed = tx.execute(statements_.free_key, key.part, key.topic, key.key, key.lane); !freed)
        return freed.error();
    for (auto& row : *rows)
      beginning.flights[static_cast<std::uint32_t>(key.part)].push_back({.event = std::move(row)});
  }
  return {};
}

/// What has been in the archive for long enough goes, in steps that end soon, one after the other while there is more.
/// One relay does it: two at once would only be in each other's way.
Result<> Engine::clean(Transaction& tx) {
  const auto at = steady_now();
  if (!options_.archive_for || *options_.archive_for == Duration::max() || at < next_clean_) return {};
  if (!leases_.held().contains(0)) return {};
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(*options_.archive_for).count();
  const auto cleaned = tx.execute(statements_.clean, -age, cleaned_at_once);
  if (!cleaned) return cleaned.error();
  next_clean_ = *cleaned == static_cast<std::uint64_t>(cleaned_at_once) ? at : at + clean_every;
  return {};
}

/// Where the broker fences, what begins is written down first; where something was moved, the part must be its own
/// still.
Result<> Engine::begin(Transaction& tx, const std::set<std::uint32_t>& moved, Beginning& beginning) {
  std::string list;
  std::size_t size = 0;
  const auto add = [&](std::uint32_t number, std::uint64_t next, const std::string& text) {
    list += (list.empty() ? "[[" : ",[") + std::to_string(number) + "," +
            std::to_string(leases_.held().at(number).epoch) + "," + std::to_string(next) + ",\"" + text + "\"]";
    ++size;
  };
  for (auto& [number, flight] : beginning.flights) {
    auto next = leases_.held().at(number).next_sequence;
    arrange(flight, next);
    if (is_fenced_by_broker() || moved.contains(number))
      add(number, next, is_fenced_by_broker() ? flight_text(flight) : "");
  }
  for (const auto number : moved)
    if (!beginning.flights.contains(number)) add(number, leases_.held().at(number).next_sequence, "");
  if (size == 0) return {};
  list += "]";
  if (!statements_.fly_all.empty() && !is_careful_)
    return tx.execute_later(statements_.fly_all, leases_.name(), list, size);
  const auto written = tx.execute(statements_.fly, leases_.name(), list);
  if (!written) return written.error();
  if (*written == size) return {};
  leases_.want_beat();
  return Error{"conflict", "another relay has taken parts of the outbox; what is left is looked at again",
               Retry::same_call};
}

Result<> Engine::leave(Duration wait_max) {
  if (auto done = exchange(wait_max, false); !done) return done;
  return leases_.leave(wait_max);
}

}  // namespace tidings::outbox
