#include <algorithm>

#include "asked_fate.hpp"
#include "dashboard/outbox_fate.hpp"
#include "tidings/base/text.hpp"
#include "why_telling.hpp"

// `tidings why`, for people.
namespace tidings::cli {
namespace {

std::string at_second(TimePoint time) {
  return to_rfc3339(std::chrono::floor<std::chrono::seconds>(time));
}

std::string_view word_of(Fate::Status status) {
  switch (status) {
    case Fate::Status::handled:
      return "handled";
    case Fate::Status::passed:
      return "passed";
    case Fate::Status::not_taken:
      return "not taken";
    case Fate::Status::dropped:
      return "DROPPED";
    case Fate::Status::parked:
      return "PARKED";
    case Fate::Status::in_progress:
      return "in hand";
    case Fate::Status::pending:
      return "WAITS";
  }
  return "";
}

std::string outbox_text(const WhyFound& found, std::string_view indent) {
  std::string out;
  for (const auto& one : found.outbox)
    out += std::string(indent) + (one.is_effect ? "it caused " : "") + printable(one.type) +
           (one.key.empty() ? "" : " " + printable(one.key)) + "  " + printable(one.topic) + "  " + printable(one.id) +
           ": " + printable(sentence_of(one)) + ", since " + at_second(one.since) + "\n";
  return out;
}

/// `is_any_known`: some group has its inbox in a database that was named.
std::string group_text(const EventInGroup& one, std::uint64_t offset, bool has_stores, bool is_any_known) {
  auto out = "  " + one.group + ": " + std::string(word_of(one.fate.status)) + ": " + printable(one.fate.reason) + "\n";
  if (const auto* const told = told_of(one.answers, offset))
    for (const auto& failed : told->failed)
      out += "    attempt " + std::to_string(failed.number) + " failed at " + at_second(failed.time) + ", " +
             printable(failed.code) + ": " + printable(failed.reason) + "\n";
  for (const auto& parking : one.parkings)
    out += "    parked at " + at_second(parking.time) + " after " + std::to_string(parking.attempts) +
           (parking.attempts == 1 ? " attempt, " : " attempts, ") + printable(parking.code) + ": " +
           printable(parking.reason) + "\n";
  if (one.inbox && (one.has_inbox() || !is_any_known))
    out += "    " + printable(one.inbox->message) + "\n";
  else if (!one.inbox && !one.marked && has_stores && one.fate.status == Fate::Status::passed)
    out += "    its inbox knows nothing of it: it is of a type that is not taken there, or that is forgotten by now\n";
  return out;
}

std::string place_text(const WhyFound& found, const EventInTopic& place, bool has_stores) {
  const auto& [event, groups] = place;
  // The databases are those of some services: of the others there is nothing to say, unless they are of none.
  const bool is_any_known = std::ranges::any_of(groups, &EventInGroup::has_inbox);
  auto out = printable(event.type) + (event.key.empty() ? "" : " " + printable(event.key)) + "  " + event.topic + "/" +
             std::to_string(event.partition) + "@" + std::to_string(event.offset) + "  " + to_rfc3339(event.time) +
             (event.source.empty() ? "" : "  from " + printable(event.source)) + "\n";
  for (const auto& one : found.chain)
    if (one.id == event.cause && !is_of_dead_letters(one.topic))
      out += "  caused by " + printable(one.type) + " " + printable(one.id) + "\n";
  if (groups.empty()) out += "  no group reads topic " + event.topic + ": nobody is to handle it\n";
  for (const auto& one : groups) out += group_text(one, event.offset, has_stores, is_any_known);
  for (const auto& one : found.chain)
    if (one.cause == event.id && one.id != event.id && !is_of_dead_letters(one.topic))
      out += "  it caused " + printable(one.type) + (one.key.empty() ? "" : " " + printable(one.key)) + "  " +
             one.topic + "/" + std::to_string(one.partition) + "@" + std::to_string(one.offset) + "  " +
             printable(one.id) + "\n";
  return out + outbox_text(found, "  ");
}

}  // namespace

std::string why_text(const WhyFound& found, bool has_stores) {
  if (found.places.empty()) return outbox_text(found, "");
  std::string out;
  for (const auto& place : found.places) out += (out.empty() ? "" : "\n") + place_text(found, place, has_stores);
  return out;
}

}  // namespace tidings::cli
