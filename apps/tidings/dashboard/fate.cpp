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

}  // namespace

std::string_view name_of(Fate::Status status) {
  switch (status) {
    case Fate::Status::handled:
      return "handled";
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
  const auto at = std::ranges::find(group.partitions, partition, &GroupPartitionInfo::partition);
  if (at == group.partitions.end())
    return {.status = Fate::Status::pending,
            .reason = "the group has no place in this partition yet",
            .blocker = "nobody",
            .letter = {}};
  if (offset < at->position) return {.status = Fate::Status::handled, .reason = {}, .blocker = {}, .letter = {}};
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
  } else if (known.is_still) {
    fate.blocker = "stalled";
    fate.reason = "the partition does not move: the group stands at offset " + number(at->position.value) +
                  ", which is being handled, or tried again";
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
