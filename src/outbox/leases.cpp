#include "outbox/leases.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "outbox/belonging.hpp"
#include "outbox/dialect.hpp"
#include "outbox/process_mark.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/base/uuid.hpp"

namespace tidings::outbox {

namespace {

struct Renewed {
  std::int64_t part = 0;
  std::int64_t epoch = 0;
};
struct Other {
  std::string owner;
  std::string process;
};
struct Taken {
  std::int64_t part = 0;
  std::int64_t epoch = 0;
  std::int64_t next_sequence = 0;
  std::string flight;
};

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

/// Says where it runs, and is nobody else's.
std::string make_name(Entropy& entropy) {
  std::array<char, 64> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return std::string(host.data()) + ":" + std::to_string(::getpid()) + ":" +
         make_uuid_v7(system_clock(), entropy).to_string();
}

}  // namespace

Leases::Leases(Store& store, const RelayOptions& options, const Statements& statements)
    : store_(store),
      options_(options),
      statements_(statements),
      name_(make_name(*options.entropy)),
      process_(process_mark()) {}

Result<> Leases::beat(Duration wait_max) {
  const auto dialect = store_.dialect();
  auto begun = store_.begin(wait_max);
  if (!begun) return begun.error();
  (*begun)->answer_within(options_.lease / 2);
  auto& tx = **begun;
  const auto asked = steady_now();  // the database's clock is read later than that
  const auto lease = milliseconds(options_.lease);
  // Before any part is taken, and again each time: the outbox may have been given to another namespace.
  if (auto own = claim(tx, dialect, options_.tables, options_.name_space); !own) return own.error();
  if (auto done = tx.execute(statements_.forget); !done) return done.error();
  if (auto done = bury_the_dead(tx); !done) return done;
  // Of several that came at once the first by name goes on.
  const bool is_known = asked < valid_until_;
  if (auto fine = look_elsewhere(tx, dialect, options_.tables, options_.place, is_known ? std::string_view(name_) : "");
      !fine) {
    begun->reset();
    if (is_known) (void)leave(wait_max);  // so that the others have its share at once
    valid_until_ = {};
    return fine;
  }
  if (auto done = tx.execute(statements_.beat, name_, lease, options_.place, process_); !done) return done.error();
  const auto relays = tx.query_one<std::int64_t>(statements_.relays);
  if (!relays) return relays.error();
  const auto renewed = tx.query<Renewed>(statements_.renew, name_, lease);
  if (!renewed) return renewed.error();

  std::vector<std::uint32_t> kept;
  std::vector<std::uint32_t> released;
  for (const auto& [part, epoch] : *renewed) {
    const auto number = static_cast<std::uint32_t>(part);
    const auto found = held_.find(number);
    // What it holds without knowing, from a commit whose outcome it did not hear, or was fenced in, is taken anew.
    (found != held_.end() && found->second.epoch == epoch ? kept : released).push_back(number);
  }
  const auto share = static_cast<std::size_t>((part_count + std::max<std::int64_t>(**relays, 1) - 1) /
                                              std::max<std::int64_t>(**relays, 1));
  std::vector<std::uint32_t> leaving;
  if (kept.size() > share) {
    auto excess = kept.size() - share;
    for (const auto part : kept) {
      if (excess == 0) break;
      // What is on its way is ended first.
      (held_.at(part).flight.empty() ? released : leaving).push_back(part);
      --excess;
    }
  }
  if (!released.empty()) {
    const auto list = number_list(std::span<const std::uint32_t>(released), dialect);
    if (auto done = tx.execute(statements_.release, name_, list); !done) return done.error();
  }
  std::map<std::uint32_t, Part> taken;
  if (kept.size() < share)
    if (auto done = take(tx, share - kept.size(), taken); !done) return done;
  if (auto done = tx.commit(); !done) return done;
  std::erase_if(held_, [&](const auto& one) {
    return std::ranges::find(kept, one.first) == kept.end() || std::ranges::find(released, one.first) != released.end();
  });
  for (auto& [number, part] : held_) {
    part.is_leaving = std::ranges::find(leaving, number) != leaving.end();
    part.beyond = 0;  // now and then from the beginning, should somebody have put in a row by hand
  }
  held_.merge(taken);
  valid_until_ = asked + options_.lease - options_.lease / 10;
  // Where parts have just changed hands, the others give or take theirs soon.
  next_beat_ = asked + options_.lease / 6;
  return {};
}

/// Who was killed on this machine leaves its parts at once, and not when its lease is over.
Result<> Leases::bury_the_dead(Transaction& tx) {
  const auto others = tx.query<Other>(statements_.others, name_);
  if (!others) return others.error();
  for (const auto& [owner, process] : *others) {
    if (!is_gone(process)) continue;
    if (auto done = tx.execute(statements_.bury, owner); !done) return done.error();
    if (auto done = tx.execute(statements_.leave, owner); !done) return done.error();
  }
  return {};
}

Result<> Leases::take(Transaction& tx, std::size_t at_most, std::map<std::uint32_t, Part>& taken) {
  const auto dialect = store_.dialect();
  const auto free = tx.query<std::int64_t>(statements_.free, at_most);
  if (!free) return free.error();
  if (free->empty()) return {};
  const auto rows = tx.query<Taken>(statements_.take, name_, milliseconds(options_.lease),
                                    number_list(std::span<const std::int64_t>(*free), dialect));
  if (!rows) return rows.error();
  for (const auto& row : *rows) {
    Part part{.epoch = row.epoch, .next_sequence = static_cast<std::uint64_t>(row.next_sequence), .flight = {}};
    if (auto done = recover(tx, row.flight, part); !done) return done;
    taken.emplace(static_cast<std::uint32_t>(row.part), std::move(part));
  }
  return {};
}

/// What its last holder had on its way, as far as it is there still, is sent again as that one would have.
Result<> Leases::recover(Transaction& tx, std::string_view text, Part& part) {
  if (text.empty()) return {};
  const auto sequences = parse_flight(text);
  if (!sequences) return sequences.error();
  std::vector<std::int64_t> ids;
  for (const auto& [id, sequence] : *sequences) ids.push_back(id);
  const auto list = number_list(std::span<const std::int64_t>(ids), store_.dialect());
  for (const auto* const statement : {&statements_.of_outbox, &statements_.of_held}) {
    auto rows = tx.query<Stored>(*statement, list);
    if (!rows) return rows.error();
    for (auto& row : *rows) {
      const auto sequence = sequences->at(row.id);
      part.flight.push_back({.event = std::move(row), .sequence = sequence});
    }
  }
  std::ranges::sort(part.flight, {}, &Flying::sequence);
  return {};
}

Result<> Leases::leave(Duration wait_max) {
  auto tx = store_.begin(wait_max);
  if (!tx) return tx.error();
  (*tx)->answer_within(options_.lease / 2);
  std::vector<std::uint32_t> all(part_count);
  for (std::uint32_t part = 0; part < part_count; ++part) all[part] = part;
  const auto list = number_list(std::span<const std::uint32_t>(all), store_.dialect());
  if (auto done = (*tx)->execute(statements_.release, name_, list); !done) return done.error();
  if (auto done = (*tx)->execute(statements_.leave, name_); !done) return done.error();
  if (auto done = (*tx)->commit(); !done) return done;
  held_.clear();
  return {};
}

}  // namespace tidings::outbox
