#include <algorithm>

#include "asked_fate.hpp"
#include "dashboard/event_json.hpp"
#include "dashboard/outbox_fate.hpp"
#include "json_line.hpp"
#include "output.hpp"
#include "why_telling.hpp"

// `tidings why --json`.
namespace tidings::cli {
namespace {

std::string time_or_null(const std::optional<TimePoint>& time) {
  return time ? "\"" + to_rfc3339(*time) + "\"" : "null";
}

std::uint64_t number(int value) {
  return static_cast<std::uint64_t>(std::max(value, 0));
}

std::string parkings_json(const EventInGroup& group) {
  std::vector<std::string> all;
  for (const auto& one : group.parkings)
    all.push_back(JsonLine()
                      .add("time", to_rfc3339(one.time))
                      .add("code", one.code)
                      .add("reason", one.reason)
                      .add("attempts", number(one.attempts))
                      .str());
  return json_array(all);
}

/// What each of its processes says of the event.
std::string processes_json(const EventInGroup& group, std::uint64_t offset) {
  std::vector<std::string> all;
  for (const auto& answer : group.answers) {
    const auto at = std::ranges::find(answer.events, offset, &AttemptsOfEvent::offset);
    const auto event = at == answer.events.end() ? AttemptsOfEvent{} : *at;
    std::vector<std::string> failed;
    for (const auto& one : event.failed)
      failed.push_back(JsonLine()
                           .add("attempt", number(one.number))
                           .add("time", to_rfc3339(one.time))
                           .add("code", one.code)
                           .add("reason", one.reason)
                           .str());
    all.push_back(JsonLine()
                      .add("process", answer.process)
                      .flag("takes", answer.takes)
                      .flag("holds", answer.holds)
                      .flag("paused", answer.paused)
                      .flag("broken", answer.broken)
                      .flag("in_hand", event.in_hand)
                      .raw("runs_since", time_or_null(event.runs_since))
                      .raw("next", time_or_null(event.next))
                      .add("failures", number(event.failures))
                      .raw("failed", json_array(failed))
                      .str());
  }
  return json_array(all);
}

std::string group_json(const EventInGroup& one, std::uint64_t offset) {
  return JsonLine()
      .add("group", one.group)
      .add("status", name_of(one.fate.status))
      .add("blocker", one.fate.blocker)
      .add("reason", one.fate.reason)
      .add("position", one.position)
      .add("settled_beyond", one.settled_beyond)
      .flag("members", one.has_members)
      .raw("parked", parkings_json(one))
      .raw("processes", processes_json(one, offset))
      .raw("marked", time_or_null(one.marked))
      .str();
}

std::string effects_json(const WhyFound& found, const Seen& of) {
  std::vector<std::string> effects;
  for (const auto& one : found.chain)
    if (one.cause == of.id && !is_of_dead_letters(one.topic))
      effects.push_back(JsonLine()
                            .add("id", one.id)
                            .add("type", one.type)
                            .add("topic", one.topic)
                            .add("time", to_rfc3339(one.time))
                            .str());
  return json_array(effects);
}

std::string unread_json(const WhyFound& found) {
  std::vector<std::string> all;
  for (const auto& [name, message] : found.unread)
    all.push_back(JsonLine().add("name", name).add("message", message).str());
  return json_array(all);
}

}  // namespace

std::string why_json(const WhyFound& found, const std::string& id) {
  std::string out;
  const auto end = [&](JsonLine line) {
    out += harmless_json(line.raw("outbox", outbox_events_json(found.outbox)).raw("unread", unread_json(found)).str()) +
           "\n";
  };
  if (found.places.empty()) {
    JsonLine line;
    line.add("id", id);
    const auto it = std::ranges::find(found.outbox, false, &outbox::OutboxEvent::is_effect);
    if (it != found.outbox.end()) line.add("type", it->type).add("key", it->key).add("topic", it->topic);
    end(line.raw("groups", "[]").raw("effects", "[]"));
  }
  for (const auto& [event, in_groups] : found.places) {
    std::vector<std::string> groups;
    for (const auto& one : in_groups) groups.push_back(group_json(one, event.offset));
    end(JsonLine()
            .add("id", event.id)
            .add("type", event.type)
            .add("key", event.key)
            .add("topic", event.topic)
            .add("partition", event.partition)
            .add("offset", event.offset)
            .add("time", to_rfc3339(event.time))
            .add("source", event.source)
            .add("cause", event.cause)
            .raw("groups", json_array(groups))
            .raw("effects", effects_json(found, event)));
  }
  return out;
}

}  // namespace tidings::cli
