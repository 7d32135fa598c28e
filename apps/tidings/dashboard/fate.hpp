#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dashboard/letters.hpp"
#include "tidings/broker/types.hpp"

namespace tidings::cli {

/// What became of an event in a group, as far as the broker and the group's dead letters tell.
struct Fate {
  /// A group keeps positions and counts, not what it did with each event. So what is behind its position has `passed`,
  /// unless something tells more: that it was `handled`, or `dropped` as a dead letter, or that it was `not_taken`,
  /// since the group's handler takes no events of its type.
  enum class Status { handled, passed, not_taken, dropped, pending, parked, in_progress };
  Status status = Status::pending;
  std::string reason;                ///< a sentence without its full stop
  std::string blocker;               ///< of one that is not handled: what is in its way, as a word: see `fate_of`
  std::optional<OpenLetter> letter;  ///< of a parked one
};
[[nodiscard]] std::string_view name_of(Fate::Status status);

/// What is known of a group beside its positions.
struct GroupKnowledge {
  std::string_view paused{};                    ///< why it is paused; empty: it is not
  const LetterBoard::Group* letters = nullptr;  ///< none: nothing was ever parked
  bool is_still = false;  ///< its partition has not moved for ten seconds, as far as that was watched
  TimePoint now{};
  // Of the event itself.
  TimePoint expires = TimePoint::max();
  std::optional<DeadLetterEnd> end{};  ///< none: nobody has looked
  std::optional<TimePoint> marked{};   ///< in the group's inbox
};

/// The event at `offset` of the partition, with that key. Words of `blocker`: `parked` (it is), `parked_key` (one of
/// its key is, in front of it), `nobody` (nobody holds the partition), `paused`, `stalled`, `in_front` (events before
/// it are to be handled first), `in_hand` (nothing: it is the next, or being handled), `gone` (retention removed it).
/// Empty where the group is done with it.
[[nodiscard]] Fate fate_of(const GroupInfo& group, Partition partition, Offset offset, std::string_view key,
                           const GroupKnowledge& known);

}  // namespace tidings::cli
