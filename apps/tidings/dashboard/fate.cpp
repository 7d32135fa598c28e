#include "dashboard/fate.hpp"

#include <algorithm>

namespace tidings::cli {
namespace {

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

std::string after(int attempts) {
  return attempts <= 0 ? "" : " after " + std::to_string(attempts) + (attempts == 1 ? " attempt" : " attempts");
}

Fate parked(const OpenLetter& letter) {
  Fate fate{.status = Fate::Status::parked, .reason = {}, .blocker = "parked", .letter = letter};
  fate.reason = letter.follows ? "parked behind offset " + number(*letter.follows) + " of its key"
                               : "parked" + after(letter.attempts) + ", " + letter.code + ": " + letter.reason;
  return fate;
}

std::string at_second(TimePoint time) {
  return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
}

std::string events(std::uint64_t count) {
  return number(count) + (count == 1 ? " event" : " events");
}

Fate fate(Fate::Status status, std::string reason) {
  return {.status = status, .reason = std::move(reason), .blocker = {}, .letter = {}};
}

/// What is known of its end, wherever the group's position stands: events of other keys in front of it may still run.
std::optional<Fate> ended(const GroupKnowledge& known) {
  using enum Fate::Status;
  if (known.marked)
    return fate(handled, "its effects were committed at " +
                             to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(*known.marked)));
  if (known.end == DeadLetterEnd::redriven) return fate(handled, "it was parked, then driven again, and handled");
  if (known.end == DeadLetterEnd::dropped)
    return fate(dropped, "it was parked, and then dropped: it has not been handled");
  return std::nullopt;
}

/// Of an event behind the group's position. What the counts cannot tell is not claimed.
Fate passed(const GroupPartitionInfo& at, const GroupKnowledge& known) {
  auto reason = "the group has come past it: offset " + number(at.position.value) + " is its next";
  // Where they differ the group began later, was moved back, or the broker counts by and by.
  const bool is_counted = at.handled + at.parked + at.expired + at.skipped + at.gaps == at.position.value;
  const bool may_have_expired = known.expires <= known.now && (at.expired > 0 || !is_counted);
  const bool may_be_parked = at.parked > 0 && (!known.end || (known.letters != nullptr && !known.letters->has_all));
  if (may_have_expired)
    reason += "; its time to live ended at " + at_second(known.expires) + ", and it is not handled after that";
  if (at.skipped > 0)
    reason += "; " + events(at.skipped) + " of this partition " + (at.skipped == 1 ? "was" : "were") +
              " skipped, by a seek or since retention removed " + (at.skipped == 1 ? "it" : "them") +
              ", and it may be among them";
  if (may_be_parked)
    reason += "; " + events(at.parked) + " of this partition " + (at.parked == 1 ? "was" : "were") +
              " parked, and it may be among them";
  if (!is_counted)
    reason += "; the group may have begun behind it, since what it counted is not what it passed";
  else if (!may_have_expired && at.skipped == 0 && !may_be_parked)
    reason += "; it was handled, unless the service takes no events of its type";
  return fate(Fate::Status::passed, std::move(reason));
}

}  // namespace

std::string_view name_of(Fate::Status status) {
  switch (status) {
    case Fate::Status::handled:
      return "handled";
    case Fate::Status::passed:
      return "passed";
    case Fate::Status::not_taken:
      return "not_taken";
    case Fate::Status::dropped:
      return "dropped";
    case Fate::Status::pending:
      return "pending";
    case Fate::Status::parked:
      return "parked";
    case Fate::Status::in_progress:
      return "in_progress";
  }
  return "";
}

Fate fate_of(const GroupInfo& group, Partition partition, Offset offset, std::string_view key,
             const GroupKnowledge& known) {
  const OpenLetter* in_front = nullptr;
  if (known.letters != nullptr)
    for (const auto& one : known.letters->letters) {
      if (one.topic != group.topic || one.partition != partition.value) continue;
      if (one.offset == offset.value) return parked(one);
      if (one.blocks && !key.empty() && one.key == key && one.offset < offset.value &&
          (in_front == nullptr || one.offset < in_front->offset))
        in_front = &one;
    }
  if (auto over = ended(known)) return std::move(*over);
  const auto at = std::ranges::find(group.partitions, partition, &GroupPartitionInfo::partition);
  if (at == group.partitions.end())
    return {.status = Fate::Status::pending,
            .reason = "the group has no place in this partition yet",
            .blocker = "nobody",
            .letter = {}};
  if (offset < at->position) return passed(*at, known);
  if (offset < at->earliest)
    return {.status = Fate::Status::pending,
            .reason = "retention has removed it before the group came to it",
            .blocker = "gone",
            .letter = {}};
  Fate fate;
  const auto distance = offset.value - std::max(at->position, at->earliest).value;
  if (in_front != nullptr) {
    fate.blocker = "parked_key";
    fate.reason = "offset " + number(in_front->offset) + " of its key is parked in front of it, " + in_front->code +
                  ": " + in_front->reason;
  } else if (!at->owned) {
    fate.blocker = "nobody";
    fate.reason = "no member of the group holds the partition";
  } else if (!known.paused.empty()) {
    fate.blocker = "paused";
    fate.reason = known.paused;
  } else if (known.is_still && distance == 0) {
    fate.status = Fate::Status::in_progress;
    fate.blocker = "stalled";
    fate.reason =
        "the partition does not move: offset " + number(offset.value) + ", this one, is being handled, or tried again";
  } else if (known.is_still) {
    fate.blocker = "stalled";
    fate.reason = "the partition does not move: the group stands at offset " + number(at->position.value) +
                  ", which is being handled, or tried again; one of another key goes on beside it, and may be in hand";
  } else if (distance > at->settled_beyond) {
    fate.blocker = "in_front";
    fate.reason = number(distance - at->settled_beyond) + " before it are to be handled first";
  } else {
    fate.status = Fate::Status::in_progress;
    fate.blocker = "in_hand";
    fate.reason = "a member has it in hand";
  }
  if (at->settled_beyond > 0 && fate.blocker != "parked_key")
    fate.reason += "; " + number(at->settled_beyond) + " beyond the position " +
                   (at->settled_beyond == 1 ? "is" : "are") + " settled, and it may be among them";
  return fate;
}

}  // namespace tidings::cli
