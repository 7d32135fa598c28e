#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tidings/broker/types.hpp"

namespace tidings {

/// `now + wait`, or the last time there is where that lies beyond it.
[[nodiscard]] constexpr SteadyTime deadline_after(SteadyTime now, Duration wait) {
  return wait > SteadyTime::max() - now ? SteadyTime::max() : now + wait;
}

/// What became of the events before a group's position in one partition. Kept beside the position and persisted with
/// it.
struct OutcomeCounts {
  std::uint64_t handled = 0;
  std::uint64_t parked = 0;
  std::uint64_t expired = 0;
  std::uint64_t skipped = 0;
  std::uint64_t gaps = 0;  ///< offsets at which there was no event

  void add(Outcome outcome, std::uint64_t events = 1);
  [[nodiscard]] std::uint64_t total() const { return handled + parked + expired + skipped + gaps; }

  friend bool operator==(const OutcomeCounts&, const OutcomeCounts&) = default;
};

/// The bookkeeping of one group in one partition, for those who write a broker: what was handed out, what is settled,
/// what is due again.
///
/// The owner reads events from `next()` on, as many as `room()` allows, and calls `add` for each as it hands it out;
/// before that it hands out again what `take_due` gives. The position is the first event that is not settled; `counts`
/// covers exactly the events before it, so that both can be written in one record. Offsets may have gaps (transaction
/// markers, compaction).
///
/// A rejected event holds up none of the later ones: they go on being handed out. Who needs order by key keeps the
/// event and tries it again itself, under `extend`, as the service runtime does.
///
/// Costs: `add`, `settle`, `extend` and the counts are O(1) amortised where offsets are dense (O(log n) with gaps),
/// `reject` and `take_due` O(log of what waits); nothing is allocated once the window has had its size. Not
/// thread-safe: it stands under its owner's mutex. Time that seems to go back (two threads that read the clock before
/// they lock) counts as the latest time seen.
class InFlight {
 public:
  /// The completions that may stand beyond the position: a blocked event holds up its partition after that many, so
  /// that what is remembered, and what comes twice after a crash, is bounded.
  static constexpr std::size_t beyond_max_default = 10'000;

  explicit InFlight(std::size_t beyond_max = beyond_max_default) : beyond_max_(beyond_max) {}

  /// Takes the partition: everything known is forgotten, `counts` is what stands in the group's record beside
  /// `position`. `generation` names this hold; deliveries of another are refused.
  void begin(Offset position, std::uint64_t generation, Duration settle_within, const OutcomeCounts& counts = {});

  /// Hands the partition to another holder of the same process: what was settled beyond the position stays settled,
  /// what was not is due at once and keeps its attempts.
  void hand_over(std::uint64_t generation, Duration settle_within, SteadyTime now);

  // What is handed out.

  /// Where the first event stands that was never handed out.
  [[nodiscard]] Offset next() const { return Offset{next_}; }
  /// How many more may be handed out for the first time, in sight of the bound on completions beyond the position.
  [[nodiscard]] std::size_t room() const { return beyond_max_ + 1 > tracked() ? beyond_max_ + 1 - tracked() : 0; }
  /// `offset`, at or after `next()`, is handed out; what lies between is a gap. `attempt` above 1 where an earlier
  /// holder's attempts are known.
  void add(Offset offset, SteadyTime now, int attempt = 1);
  /// There is no event between `next()` and `to`: a gap, which counts as one.
  void pass_over(Offset to);
  /// The events from `next()` to `to`, one at each offset, are gone (retention) and count as skipped.
  void skip_to(Offset to);

  struct Due {
    Offset offset;
    int attempt;  ///< of the delivery that now begins
  };
  /// What is to be handed out again at `now`, the earliest first, equals by offset: rejected and its delay is over, or
  /// not settled in time. It counts as handed out by that; where it cannot be (retention took it), settle it as
  /// skipped.
  std::optional<Due> take_due(SteadyTime now);
  /// When `take_due` can next give something.
  [[nodiscard]] std::optional<SteadyTime> next_due() const;
  /// When the last of what is with a handler now is to be settled by; from then on nobody is waited for, and the
  /// partition may move.
  [[nodiscard]] std::optional<SteadyTime> last_deadline() const;

  // What comes back.

  enum class Answer {
    done,
    repeated,  ///< settled before: harmless
    not_held,  ///< of another generation, or never handed out
  };
  Answer settle(Offset offset, std::uint64_t generation, Outcome outcome);
  /// Due again at `due`. What waits already goes by the new time.
  Answer reject(Offset offset, std::uint64_t generation, SteadyTime due);
  /// The time to be settled starts anew; what waits already stays as it is.
  Answer extend(Offset offset, std::uint64_t generation, SteadyTime now);

  // What there is.

  /// The first event that is not settled; `next()` where there is none.
  [[nodiscard]] Offset position() const { return Offset{head_ == tail_ ? next_ : at(head_).offset}; }
  [[nodiscard]] const OutcomeCounts& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  /// Settled, but something before is not.
  [[nodiscard]] std::uint64_t settled_beyond() const { return settled_beyond_; }
  /// With a handler now.
  [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
  /// Handed out and not settled: with a handler or waiting to be handed out again. What
  /// `ConsumerOptions::in_flight_max` limits.
  [[nodiscard]] std::size_t unsettled() const { return in_flight_ + waiting_.size(); }

 private:
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  enum class State : std::uint8_t { in_flight, waiting, settled };

  /// A place in the window, named by its sequence number, which never changes.
  struct Entry {
    std::uint64_t offset = 0;
    std::uint64_t events = 1;     // more than one for a range that was skipped, or has no events
    SteadyTime due{};             // in flight: to be settled by then; waiting: to be handed out then
    std::uint64_t before = none;  // in flight: neighbours in the order of deadlines
    std::uint64_t after = none;
    std::size_t heap_place = 0;  // waiting: its place in waiting_
    int attempt = 1;
    State state = State::settled;
    bool is_gap = false;
    Outcome outcome = Outcome::skipped;
  };

  [[nodiscard]] std::size_t tracked() const { return static_cast<std::size_t>(tail_ - head_); }
  [[nodiscard]] Entry& at(std::uint64_t sequence) { return ring_[sequence & (ring_.size() - 1)]; }
  [[nodiscard]] const Entry& at(std::uint64_t sequence) const { return ring_[sequence & (ring_.size() - 1)]; }
  [[nodiscard]] std::uint64_t find(std::uint64_t offset) const;
  [[nodiscard]] std::optional<Answer> refused(Offset offset, std::uint64_t generation, std::uint64_t& sequence) const;

  std::uint64_t push(const Entry& entry);
  void put_in_flight(std::uint64_t sequence, SteadyTime now);
  void take_from_flight(std::uint64_t sequence);
  void put_waiting(std::uint64_t sequence, SteadyTime due);
  void take_from_waiting(std::uint64_t sequence);
  void advance();

  [[nodiscard]] bool earlier(std::uint64_t a, std::uint64_t b) const;
  void place(std::size_t index, std::uint64_t sequence);
  void sift(std::size_t index);

  SteadyTime latest(SteadyTime now) { return now_ = now > now_ ? now : now_; }

  std::size_t beyond_max_;
  std::uint64_t generation_ = 0;
  Duration settle_within_{};
  SteadyTime now_ = SteadyTime::min();
  std::uint64_t next_ = 0;
  OutcomeCounts counts_;
  std::uint64_t settled_beyond_ = 0;
  std::size_t in_flight_ = 0;

  std::vector<Entry> ring_;  // a power of two; entries from head_ to tail_, ascending by offset
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
  std::uint64_t first_ = none;  // in flight, by deadline: the order of delivery, since all have the same time
  std::uint64_t last_ = none;
  std::vector<std::uint64_t> waiting_;  // a binary heap by (due, sequence)
};

}  // namespace tidings
