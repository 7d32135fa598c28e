#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "outbox/flight.hpp"
#include "outbox/statements.hpp"
#include "tidings/base/time.hpp"
#include "tidings/outbox/relay.hpp"

namespace tidings::outbox {

/// A part that this relay holds.
struct Part {
  std::int64_t epoch = 0;
  std::uint64_t next_sequence = 1;
  Flight flight;            ///< one at a time: nothing new is sent before its fate is known
  std::int64_t beyond = 0;  ///< nothing stands at or below that id but what this relay knows
  bool is_leaving = false;  ///< others are to have it: it takes nothing new
};

/// The parts that this relay holds, on the database's clock. Each relay tells that it is there, holds so many as come
/// to it, gives back what is more, and takes what is free or whose holder is late. For one thread.
class Leases {
 public:
  Leases(Store& store, const RelayOptions& options, const Statements& statements);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::map<std::uint32_t, Part>& held() { return held_; }
  [[nodiscard]] const std::map<std::uint32_t, Part>& held() const { return held_; }

  /// Renews, gives and takes. Errors: `other_broker` (same call: relays to another place run), those of `Store::begin`
  /// and of statements: nothing has changed.
  Result<> beat(Duration wait_max);
  [[nodiscard]] bool is_beat_due(SteadyTime now) const { return now >= next_beat_; }
  void want_beat() { next_beat_ = {}; }
  /// Until then nobody else may have taken a part, as far as two clocks run alike.
  [[nodiscard]] SteadyTime valid_until() const { return valid_until_; }

  /// A part is held by somebody else, or has to be taken anew: it is no more this one's.
  void lose(std::uint32_t part) { held_.erase(part); }

  /// Gives back what is held, with nothing on its way, and is no relay any more.
  Result<> leave(Duration wait_max);

 private:
  Result<> bury_the_dead(Transaction& tx);
  Result<> take(Transaction& tx, std::size_t at_most, std::map<std::uint32_t, Part>& taken);
  Result<> recover(Transaction& tx, std::string_view text, Part& part);

  Store& store_;
  const RelayOptions& options_;
  const Statements& statements_;
  const std::string name_;
  const std::string process_;
  std::map<std::uint32_t, Part> held_;
  SteadyTime valid_until_{};
  SteadyTime next_beat_{};
};

}  // namespace tidings::outbox
