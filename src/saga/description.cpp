#include "tidings/saga/description.hpp"

namespace tidings::saga {

namespace {

using Event = Description::Event;

Event event_of(const EventKind& kind) {
  return {.type = std::string(kind.type), .version = kind.version, .topic = std::string(kind.topic)};
}

template <class Part>
std::vector<Event> events_of(const std::vector<Part>& parts) {
  std::vector<Event> all;
  for (const auto& part : parts)
    if (part.kind != nullptr) all.push_back(event_of(*part.kind));
  return all;
}

std::string time_of(Duration time) {
  return time > Duration::zero() ? to_text(time) : "";
}

Description::Action action_of(const Action& action) {
  return {.sends = action.command.kind != nullptr ? event_of(*action.command.kind) : Event{},
          .done = events_of(action.done),
          .failed = events_of(action.failed),
          .within = time_of(action.within),
          .retries = action.retries};
}

Description::Step step_of(const StepPlan& plan) {
  Description::Step step{.name = plan.name,
                         .stage = 0,
                         .act = action_of(plan.act),
                         .undo = {},
                         .needs_no_undo = plan.needs_no_undo,
                         .is_conditional = static_cast<bool>(plan.when),
                         .remind_every = plan.reminder ? time_of(plan.reminder->every) : "",
                         .reminds = {}};
  if (plan.undo) step.undo = action_of(*plan.undo);
  if (plan.reminder && plan.reminder->event.kind != nullptr) step.reminds = event_of(*plan.reminder->event.kind);
  return step;
}

}  // namespace

Description describe(const Definition& definition) {
  const auto& plan = definition.plan();
  Description told{.name = plan.name,
                   .version = plan.version,
                   .starts = events_of(plan.starts),
                   .cancels = events_of(plan.cancels),
                   .steps = {},
                   .pivot = {},
                   .completes = events_of(plan.completes),
                   .fails = events_of(plan.fails),
                   .within = time_of(plan.within)};
  for (const auto& step : plan.steps) told.steps.push_back(step_of(step));
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage)
    for (const auto at : plan.stages[stage]) told.steps[at].stage = static_cast<std::uint32_t>(stage);
  if (!plan.pivots.empty()) told.pivot = static_cast<std::uint32_t>(plan.pivots.front());
  return told;
}

}  // namespace tidings::saga
