#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "outbox/leases.hpp"
#include "outbox/sender.hpp"
#include "outbox/settled_ids.hpp"
#include "outbox/statements.hpp"
#include "tidings/outbox/relay.hpp"

namespace tidings::outbox {

/// What a relay does, step by step. For one thread.
///
/// A cycle is one transaction, in which what was sent goes and what is next comes, and then one sending of that. Both
/// may be repeated whatever becomes of them: what was sent stays known until it has gone, and what comes is under way
/// only once the transaction that says so is committed.
class Engine {
 public:
  Engine(Store& store, Broker& broker, const RelayOptions& options);

  /// What a cycle has found.
  struct Cycle {
    bool has_worked = false;              ///< else there was nothing
    std::optional<Error> broker_trouble;  ///< what could not be sent waits
  };
  /// Errors: the database's, after which it is to be called again.
  Result<Cycle> cycle(Duration wait_max);

  [[nodiscard]] bool is_beat_due() const;
  Result<> beat(Duration wait_max) { return leases_.beat(wait_max); }
  /// Held keys are looked at by the next cycle, also where none is expected to be due.
  void look_at_keys() { next_look_at_keys_ = {}; }

  /// Ends what is on its way as far as it can be, without anything new, and gives the parts back.
  Result<> leave(Duration wait_max);

  [[nodiscard]] const Leases& leases() const { return leases_; }
  struct Counts {
    std::uint64_t sent = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t failed = 0;
    std::uint64_t fenced = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  /// What a transaction begins, once it is committed.
  struct Beginning {
    std::map<std::uint32_t, Flight> flights;
    std::map<std::uint32_t, std::int64_t> beyond;  ///< of parts
  };

  Result<> exchange(Duration wait_max, bool takes_new);
  Result<> exchange_once(Duration wait_max, bool takes_new);
  Result<> settle(Transaction& tx);
  Result<> check(Transaction& tx, std::span<const std::uint32_t> decided);
  Result<> hold(Transaction& tx, std::uint32_t number, const Part& part);
  Result<> give_key_free(Transaction& tx, const Part& part);
  Result<> fetch(Transaction& tx, Beginning& beginning);
  Result<std::vector<Stored>> fetch_rows(Transaction& tx, std::span<const std::uint32_t> free, Beginning& beginning);
  Result<> clean(Transaction& tx);
  Result<> take_due(Transaction& tx, std::span<const std::uint32_t> free, Beginning& beginning);
  Result<> begin(Transaction& tx, const std::set<std::uint32_t>& moved, Beginning& beginning);
  [[nodiscard]] Result<> keep_identity(Transaction& tx);
  [[nodiscard]] std::vector<std::uint32_t> free_parts() const;
  [[nodiscard]] std::int64_t fetch_max(std::size_t of_parts) const;
  [[nodiscard]] bool is_fenced_by_broker() const { return broker_.capabilities().producers; }

  Store& store_;
  Broker& broker_;
  const RelayOptions& options_;
  const Statements statements_;
  Leases leases_;
  SettledIds settled_;
  Sender sender_;
  Counts counts_;
  std::uint64_t identity_ = 0;
  SteadyTime next_look_at_keys_{};
  SteadyTime next_clean_{};
  bool has_held_keys_ = false;
  /// Each part is looked at, and answers are waited for: one has been found to be another's.
  bool is_careful_ = false;
  std::size_t row_bytes_ = 1024;  // lately, of a row
};

}  // namespace tidings::outbox
