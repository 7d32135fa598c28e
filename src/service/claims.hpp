#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <string>

#include "tidings/base/clock.hpp"
#include "tidings/base/result.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings::service {

/// The claim check (Hohpe, Woolf: Enterprise Integration Patterns): payloads above a size wait in a folder that all
/// services share, the event carries a ticket. A payload's file is complete and synced before its event is published,
/// so whoever reads the event finds it; it is removed by age alone, since any group may still come. Thread-safe.
class Claims {
 public:
  /// `folder` empty: nothing is deposited, and what comes with a ticket cannot be read.
  Claims(std::string folder, std::size_t above, Duration keep, Clock& clock)
      : folder_(std::move(folder)), above_(above), keep_(keep), clock_(clock) {}

  /// Whether the payload goes into the folder when it is published.
  [[nodiscard]] bool wanted(const EnvelopeView& event) const {
    return !folder_.empty() && event.payload.size() > above_;
  }
  /// The event as it travels, without its payload; nothing is written.
  [[nodiscard]] Envelope ticket(const EnvelopeView& event) const;
  /// Whether its payload may be gone when it is due. Error `invalid_event`: it waits for longer than files are kept.
  [[nodiscard]] Result<> may_wait(TimePoint due) const;
  /// Makes the folder, which has the file `tidings-claims` from then on. Where that is not there the folder is not what
  /// it should be, such as one on which nothing is mounted now: nothing is written into it.
  Result<> create() const;
  /// Error `no_claim_folder` (same call): it is not there, or not mounted.
  [[nodiscard]] Result<> is_there() const;
  /// Writes what the ticket is for; from now on it is kept as long as any. Errors: `no_claim_folder` (same call), those
  /// of files.
  Result<> deposit(const EnvelopeView& event) const;

  [[nodiscard]] static bool is_ticket(const EnvelopeView& event);
  /// The payload. Errors: `claim_missing` (same call), `claim_damaged` (never), `no_claim_folder` (never where there is
  /// none, same call where it is not mounted), those of files.
  [[nodiscard]] Result<std::string> redeem(const EnvelopeView& event) const;

  /// Removes files older than they are kept, if they are not kept for ever; how many. And drafts that killed processes
  /// have left.
  std::size_t sweep() const;

 private:
  [[nodiscard]] std::string path_of(std::string_view name) const;

  const std::string folder_;
  const std::size_t above_;
  const Duration keep_;
  Clock& clock_;
  mutable std::array<std::atomic<bool>, 256> synced_{};  // whether the name of this subfolder outlives a power cut
};

}  // namespace tidings::service
