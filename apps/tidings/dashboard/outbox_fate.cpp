#include "dashboard/outbox_fate.hpp"

#include "dashboard/event_json.hpp"
#include "json_line.hpp"
#include "tidings/base/time.hpp"

namespace tidings::cli {

std::string_view name_of(outbox::OutboxEvent::State state) {
  switch (state) {
    case outbox::OutboxEvent::State::waiting:
      return "waiting";
    case outbox::OutboxEvent::State::held:
      return "held";
    case outbox::OutboxEvent::State::retried:
      return "retried";
    case outbox::OutboxEvent::State::parked:
      return "parked";
  }
  return "";
}

std::string sentence_of(const outbox::OutboxEvent& one) {
  using enum outbox::OutboxEvent::State;
  if (one.state == waiting) return "it waits in the outbox for a relay to publish it";
  const auto why = one.code + ": " + one.error;
  const std::string which = one.is_first ? "it" : "an event of its key in front of it";
  if (one.state == parked) return "it is held in the outbox, since " + which + " is parked there, " + why;
  return "it is held in the outbox, since the broker refused " + which + ", which is tried again, " + why;
}

std::string outbox_events_json(const std::vector<outbox::OutboxEvent>& all) {
  std::vector<std::string> out;
  for (const auto& one : all)
    out.push_back(JsonLine()
                      .add("id", one.id)
                      .add("type", one.type)
                      .add("topic", one.topic)
                      .add("key", one.key)
                      .add("status", name_of(one.state))
                      .add("reason", sentence_of(one))
                      .flag("effect", one.is_effect)
                      .add("since", to_rfc3339(one.since))
                      .str());
  return json_array(out);
}

}  // namespace tidings::cli
