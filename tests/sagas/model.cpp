#include "tests/sagas/model.hpp"

#include <algorithm>

#include "tests/sagas/model_events.hpp"

namespace tidings::saga::model {

namespace {

const std::string prefix = "saga/model/1/";
constexpr std::string_view step_names = "ABC";

template <class Event>
Envelope envelope_of() {
  auto made = make_envelope(Event{"1"}, {.source = "model"}).or_throw();
  made.correlation_id = "model";
  return made;
}
const Envelope& cancelled() {
  static const auto event = envelope_of<Cancelled>();
  return event;
}
template <char S>
std::array<Envelope, 4> answers_of() {
  return {envelope_of<Done<S>>(), envelope_of<Failed<S>>(), envelope_of<Undone<S>>(), envelope_of<UndoFailed<S>>()};
}

/// As its participant would have published it.
template <class Visit>
auto with_event(const Message& message, Visit&& visit) {
  static const std::array all{answers_of<'A'>(), answers_of<'B'>(), answers_of<'C'>()};
  auto event = all.at(message.step).at(static_cast<std::size_t>(message.answer)).view();
  event.causation_id = message.command;
  return visit(event);
}

/// Random ids cost a call of the system's each, and nothing here looks at them.
class NoEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> out) override { std::ranges::fill(out, std::byte{1}); }
};

Moment moment() {
  static NoEntropy entropy;
  static ManualClock clock;
  return {.now = clock.now(), .envelopes = {.source = "model", .clock = &clock, .entropy = &entropy}};
}

std::size_t step_of(std::string_view id) {
  return step_names.find(id.at(prefix.size()));
}
bool is_undo(std::string_view id) {
  return id.find("/undo") != id.npos;
}

}  // namespace

std::vector<Action> World::actions() const {
  std::vector<Action> all;
  const auto add = [&](Action::What what) -> Action& {
    all.emplace_back().what = what;
    return all.back();
  };
  if (!has_begun()) {
    add(Action::What::start);
    return all;
  }
  for (const auto& command : commands_) {
    const auto step = step_of(command);
    const auto& participant = participants_.at(step);
    const bool is_new = !participant.handled.contains(command) && (is_undo(command) || !participant.is_undone);
    std::vector<Way> ways{Way::obey};
    if (is_new && !is_undo(command)) ways = {Way::obey, Way::refuse, Way::obey_in_silence, Way::ignore};
    // Whose compensation nobody waits for must not refuse it, nor leave it.
    if (is_new && is_undo(command) && !plan_->steps[step].undo->done.empty())
      ways = {Way::obey, Way::refuse, Way::obey_in_silence};
    for (const auto way : ways) {
      auto& action = add(Action::What::command);
      action.command = command;
      action.way = way;
    }
  }
  for (const auto& answer : answers_) add(Action::What::answer).message = answer;
  for (const auto& timer : timers_) add(Action::What::timer).timer = timer;
  if (left_.cancels > 0 && !is_over(instance_.status)) add(Action::What::cancel);
  if (left_.resumes > 0 && instance_.status == Status::stuck) add(Action::What::resume);
  return all;
}

/// A transition, made twice: one that is lost before it is committed is made again just so.
std::string World::take(const std::function<Result<Transition>()>& make) {
  const auto lost = make();
  auto made = make();
  if (!lost || !made) return "an error: " + to_string(made ? lost.error() : made.error());
  if (lost->instance != made->instance || lost->outgoing.size() != made->outgoing.size() || lost->set != made->set)
    return "a transition that is lost and made again is another one";
  for (std::size_t at = 0; at < made->outgoing.size(); ++at)
    if (lost->outgoing[at].event.id != made->outgoing[at].event.id) return "a lost command comes under another id";
  if (!made->has_changed) return {};
  if (is_over(instance_.status)) return "something happens after the end";
  const auto before = instance_;
  instance_ = made->instance;
  if (made->clears_all) timers_.clear();
  for (const auto& step : made->cleared) std::erase_if(timers_, [&](const Timer& timer) { return timer.step == step; });
  for (const auto& timer : made->set) {
    std::erase_if(timers_, [&](const Timer& other) { return other.step == timer.step && other.kind == timer.kind; });
    timers_.push_back(timer);
  }
  for (const auto& out : made->outgoing)
    if (auto wrong = publish(out.event.id, before); !wrong.empty()) return wrong;
  return {};
}

std::string World::publish(const std::string& id, const Instance& before) {
  if (id == prefix + "completed" || id == prefix + "failed") {
    if (++ends_ > 1) return "it ends twice";
    if (!is_over(instance_.status)) return id + " is published, and it is not over";
    return {};
  }
  const auto step = step_of(id);
  const std::string undo = is_undo(id) ? "/undo" : "/do";
  if (!sent_.contains(id)) {
    const auto first = prefix + step_names.at(step) + undo;
    if (id != first && !sent_.contains(first)) return id + " is sent, and " + first + " never was";
    const auto is_same = [&](const std::string& other) {
      return step_of(other) == step && is_undo(other) == is_undo(id) && !refused_.contains(other);
    };
    if (std::ranges::any_of(sent_, is_same))
      return "a command that nobody has refused is sent under a second id, " + id;
  }
  if (is_undo(id)) {
    if (taken_failed_.contains(step)) return "what said that it was not done is undone: " + id;
    if (!sent_.contains(prefix + step_names.at(step) + "/do")) return "what was never sent is undone: " + id;
  } else {
    if (before.backward) return "it goes forward while it goes back: " + id;
    for (const auto& stage : plan_->stages) {
      if (std::ranges::find(stage, step) != stage.end()) break;
      for (const auto earlier : stage)
        if (!taken_done_.contains(earlier)) return id + " is sent before what stands before it is done";
    }
  }
  sent_.insert(id);
  commands_.insert(id);
  return {};
}

std::string World::come(const std::string& command, Way way) {
  commands_.erase(command);
  const auto step = step_of(command);
  auto& at = participants_.at(step);
  if (at.handled.contains(command)) return {};  // its inbox
  at.handled.insert(command);
  const auto answer = [&](Answer what) { answers_.insert({command, step, what}); };
  if (!is_undo(command)) {
    if (at.is_undone) return {};  // its tombstone
    if (way == Way::obey || way == Way::obey_in_silence) ++at.effects;
    if (at.effects > 1) return "a step has its effect twice: " + command;
    if (way == Way::obey) answer(Answer::done);
    if (way == Way::refuse) answer(Answer::failed);
    return {};
  }
  if (way == Way::refuse) {
    answer(Answer::undo_failed);
    return {};
  }
  at.is_undone = true;
  at.effects = 0;
  if (way == Way::obey) answer(Answer::undone);
  return {};
}

std::string World::act(const Action& action) {
  using What = Action::What;
  const auto& plan = *plan_;
  switch (action.what) {
    case What::start: {
      static const auto placed = envelope_of<Placed>();
      return take([&] { return begin(plan, "1", placed.view(), moment()); });
    }
    case What::command:
      return come(action.command, action.way);
    case What::answer: {
      const auto& message = action.message;
      answers_.erase(message);
      delivered_.insert(message);
      const auto before = instance_.revision;
      const bool was_backward = instance_.backward;
      // What the saga is told is known before it acts on it.
      const auto done_before = taken_done_;
      const auto failed_before = taken_failed_;
      if (!was_backward && message.answer == Answer::done) taken_done_.insert(message.step);
      if (!was_backward && message.answer == Answer::failed) taken_failed_.insert(message.step);
      refused_.insert(message.command);
      if (message.answer == Answer::done || message.answer == Answer::undone) refused_.erase(message.command);
      auto wrong = with_event(message, [&](const EnvelopeView& event) {
        return take([&] { return saga::take(plan, instance_, event, moment()); });
      });
      if (instance_.revision == before) {
        taken_done_ = done_before;
        taken_failed_ = failed_before;
        refused_.erase(message.command);
      }
      return wrong;
    }
    case What::timer: {
      std::erase(timers_, action.timer);
      return take([&] { return fire(plan, instance_, action.timer, moment()); });
    }
    case What::cancel: {
      --left_.cancels;
      return take([&] { return saga::take(plan, instance_, cancelled().view(), moment()); });
    }
    case What::resume:
      --left_.resumes;
      for (const auto step : plan.stages.at(static_cast<std::size_t>(instance_.stage))) taken_failed_.erase(step);
      return take([&] { return steer(plan, instance_, Steering::resume, moment()); });
  }
  return {};
}

std::string World::check() const {
  if (!has_begun()) return {};
  const auto& plan = *plan_;
  for (const auto& message : delivered_) {
    const auto again =
        with_event(message, [&](const EnvelopeView& event) { return saga::take(plan, instance_, event, moment()); });
    if (!again || again->has_changed) return "the second time, an answer to " + message.command + " changes something";
  }
  for (const auto& step : instance_.steps) {
    const auto is_set = [&](const Timer& timer) { return timer.step == step.name && timer.kind == TimerKind::within; };
    for (std::int64_t token = 0; token <= step.token; ++token) {
      if (token == step.token && std::ranges::any_of(timers_, is_set)) continue;
      const auto stale = fire(plan, instance_, {step.name, TimerKind::within, token, {}}, moment());
      if (!stale || stale->has_changed) return "a stale timer of step " + step.name + " changes something";
    }
  }
  if (is_over(instance_.status)) {
    const auto late = saga::take(plan, instance_, cancelled().view(), moment());
    const auto overdue = fire(plan, instance_, {"", TimerKind::deadline, 1, {}}, moment());
    if (!late || late->has_changed || !overdue || overdue->has_changed)
      return "what comes after the end changes something";
  }
  if (is_over(instance_.status) && !timers_.empty()) return "timers are left at the end";
  if (is_over(instance_.status) && ends_ != 1) return "it is over, and nobody was told";
  if (instance_.status == Status::stuck && instance_.why.empty()) return "it is stuck without a reason";
  return {};
}

std::string World::check_end() const {
  int effects = 0;
  for (const auto& participant : participants_) effects += participant.effects;
  switch (instance_.status) {
    case Status::completed:
      return effects == static_cast<int>(step_count) ? "" : "it is completed, and not all is done";
    case Status::failed:
      return effects == 0 ? "" : "it has failed, and something is left done";
    case Status::stuck:
      return {};
    default:
      return "it waits for what never comes";
  }
}

std::string World::key() const {
  std::string key;
  const auto add = [&](auto number) { key += std::to_string(static_cast<long long>(number)) + ","; };
  add(instance_.status);
  add(instance_.backward);
  add(instance_.stage);
  for (const auto& step : instance_.steps) {
    add(step.status);
    add(step.attempts);
    add(step.round);
    add(step.undo_round);
    // What tokens are is nothing to anybody; which is current is.
    for (const auto& timer : timers_)
      if (timer.step == step.name) add(timer.token == step.token ? 1 : 2);
    key += '|';
  }
  for (const auto& timer : timers_)
    if (timer.kind == TimerKind::deadline) key += 'd';
  for (const auto* const ids : {&commands_, &sent_, &refused_})
    for (const auto& id : *ids) key += id.substr(prefix.size()) + ";";
  for (const auto* const messages : {&answers_, &delivered_}) {
    key += '/';
    for (const auto& message : *messages) {
      key += message.command.substr(prefix.size());
      add(message.answer);
    }
  }
  for (const auto& participant : participants_) {
    add(participant.effects);
    add(participant.is_undone);
    for (const auto& id : participant.handled) key += id.substr(prefix.size()) + ";";
  }
  for (const auto* const steps : {&taken_done_, &taken_failed_}) {
    key += '/';
    for (const auto step : *steps) add(step);
  }
  add(left_.cancels);
  add(left_.resumes);
  return key;
}

}  // namespace tidings::saga::model
