#include "saga_json.hpp"

#include "dashboard/event_json.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/redact.hpp"

namespace tidings::cli {

Result<std::optional<saga::Status>> saga_status(const std::string& word) {
  using saga::Status;
  if (word.empty()) return std::optional<Status>{};
  std::string known;
  for (const auto status :
       {Status::running, Status::compensating, Status::completed, Status::failed, Status::stuck, Status::abandoned}) {
    if (word == saga::name_of(status)) return std::optional(status);
    known += (known.empty() ? "" : ", ") + std::string(saga::name_of(status));
  }
  return Error{"invalid_status", "'" + printable(word) + "' is no status of a saga; there are " + known};
}

std::string why_of(const saga::Instance& instance) {
  return instance.status == saga::Status::completed ? "" : instance.why;
}

std::string_view status_of(const saga::Instance& instance) {
  return instance.unreadable.empty() ? saga::name_of(instance.status) : "unreadable";
}

std::string open_steps(const saga::Instance& instance) {
  std::string steps;
  for (const auto& step : instance.steps)
    if (step.status == saga::StepStatus::sent || step.status == saga::StepStatus::undoing)
      steps += (steps.empty() ? "" : ", ") + step.name;
  return steps;
}

std::string stands_at(const saga::Instance& instance) {
  if (!instance.unreadable.empty()) return instance.unreadable;
  if (const auto why = why_of(instance); !why.empty()) return why;
  if (saga::is_over(instance.status)) return "";
  const auto steps = open_steps(instance);
  return steps.empty() ? "" : "waits for: " + steps;
}

std::string shown_state(const saga::Instance& instance, bool shows_redacted) {
  if (shows_redacted || instance.redacted.empty()) return instance.state;
  return redact_json(instance.state, instance.redacted);
}

JsonLine saga_json(const saga::Instance& instance, bool shows_redacted) {
  std::vector<std::string> steps;
  for (const auto& step : instance.steps)
    steps.push_back(JsonLine()
                        .add("step", step.name)
                        .add("status", saga::name_of(step.status))
                        .add("attempts", static_cast<std::uint64_t>(step.attempts))
                        .str());
  return JsonLine()
      .add("saga", instance.type)
      .add("id", instance.id)
      .raw("version", std::to_string(instance.definition))
      .add("status", status_of(instance))
      .add("why", instance.unreadable.empty() ? instance.why : instance.unreadable)
      .add("started", to_rfc3339(instance.started_at))
      .add("updated", to_rfc3339(instance.updated_at))
      .add("correlation", instance.correlation)
      .raw("steps", json_array(steps))
      .raw("state", json_on_a_line(shown_state(instance, shows_redacted)));
}

}  // namespace tidings::cli
