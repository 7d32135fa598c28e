#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "tidings/event/key.hpp"
#include "tidings/saga/detail/methods.hpp"

/// The words of a definition. Each is a small value that says into which place of a plan it goes; `State` is the type
/// whose members it names, or void.
namespace tidings::saga {

/// Which of an event's values is the saga's id, where it is not the event's key: `saga::by(&StockReserved::order_id)`.
template <class E, class M>
struct By {
  M E::* member;
  void add_to(Source& source) const {
    source.by = [member = member](const EnvelopeView& envelope) -> Result<std::string> {
      auto event = decode_event<E>(envelope);
      if (!event) return event.error();
      return tidings::detail::key_text(std::invoke(member, *event));
    };
  }
};
template <class E, class M>
By<E, M> by(M E::* member) {
  return {member};
}

namespace detail {

template <class E, class... Options>
Source with_options(Source source, const Options&... options) {
  [[maybe_unused]] const auto add = [&]<class O>(const O& option) {
    constexpr bool fits = requires { option.add_to(source); };
    static_assert(fits, "tidings: beside its event such a clause takes saga::by(&Event::member) and nothing else");
    if constexpr (fits) option.add_to(source);
  };
  (add(options), ...);
  return source;
}

template <class S>
struct DoneClause {
  using State = S;
  Source source;
  void add_to(Action& action) && { action.done.push_back(std::move(source)); }
};
template <class S>
struct FailedClause {
  using State = S;
  Source source;
  void add_to(Action& action) && { action.failed.push_back(std::move(source)); }
};
template <class S>
struct StartsClause {
  using State = S;
  Source source;
  void add_to(Plan& plan) && { plan.starts.push_back(std::move(source)); }
};
template <class S>
struct CancelsClause {
  using State = S;
  Source source;
  void add_to(Plan& plan) && { plan.cancels.push_back(std::move(source)); }
};

template <template <class> class Clause, class M, class... Options>
auto reacting(M method, const Options&... options) {
  using R = Reaction<M>;
  return Clause<typename R::State>{with_options<typename R::Event>(make_source(method), options...)};
}
template <template <class> class Clause, class E, class... Options>
auto hearing(const Options&... options) {
  tidings::detail::refuse_unless_event<E>();
  return Clause<void>{with_options<E>(make_source<E>(), options...)};
}

template <class S>
struct SendClause {
  using State = S;
  Sender sender;
  void add_to(StepPlan& step) && {
    if (step.act.command.make) ++step.clauses_twice;
    step.act.command = std::move(sender);
  }
};
template <class S>
struct UndoClause {
  using State = S;
  Action action;
  void add_to(StepPlan& step) && {
    if (step.undo) ++step.clauses_twice;
    step.undo = std::move(action);
  }
};
template <class S>
struct WhenClause {
  using State = S;
  std::function<bool(const void* state)> predicate;
  void add_to(StepPlan& step) && {
    if (step.when) ++step.clauses_twice;
    step.when = std::move(predicate);
  }
};
template <class S>
struct RemindClause {
  using State = S;
  Reminder reminder;
  void add_to(StepPlan& step) && {
    if (step.reminder) ++step.clauses_twice;
    step.reminder = std::move(reminder);
  }
};
template <class S>
struct CompletesClause {
  using State = S;
  Sender sender;
  void add_to(Plan& plan) && { plan.completes.push_back(std::move(sender)); }
};
template <class S>
struct FailsClause {
  using State = S;
  Sender sender;
  void add_to(Plan& plan) && { plan.fails.push_back(std::move(sender)); }
};

struct WithinClause {
  using State = void;
  Duration wait;
  void add_to(Action& action) const { action.within = wait; }
  void add_to(Plan& plan) const { plan.within = wait; }
};
struct RetriesClause {
  using State = void;
  int count;
  void add_to(Action& action) const { action.retries = count; }
};
struct NoUndoClause {
  using State = void;
  void add_to(StepPlan& step) const { step.needs_no_undo = true; }
};
struct PivotClause {
  using State = void;
  void add_to(Plan& plan) const { plan.pivots.push_back(plan.stages.size()); }
};

}  // namespace detail

// Of a step.

/// The command, an event that the step publishes, under an id that is the same over retries. A state that gives none
/// (std::optional) skips the step.
template <class M>
auto send(M method) {
  return detail::SendClause<typename detail::Sending<M>::State>{detail::make_sender(method)};
}
/// The event that completes the step, or its compensation; with a member function of the state it is told of it.
template <class E, class... Options>
auto done(const Options&... options) {
  return detail::hearing<detail::DoneClause, E>(options...);
}
template <class M, class... Options>
  requires std::is_member_function_pointer_v<M>
auto done(M method, const Options&... options) {
  return detail::reacting<detail::DoneClause>(method, options...);
}
/// The event that says that it was not done, and has had no effect.
template <class E, class... Options>
auto failed(const Options&... options) {
  return detail::hearing<detail::FailedClause, E>(options...);
}
template <class M, class... Options>
  requires std::is_member_function_pointer_v<M>
auto failed(M method, const Options&... options) {
  return detail::reacting<detail::FailedClause>(method, options...);
}
/// So long an answer is waited for. Among the steps, so long the whole saga may take: then it turns back, or, where it
/// has passed its pivot, a line at `error` in the log says so.
inline detail::WithinClause within(Duration wait) {
  return {wait};
}
/// So often the command is sent again, under the same id, when no answer came `within` its time.
inline detail::RetriesClause retries(int count) {
  return {count};
}
/// The step is skipped where this is false when its turn comes.
template <class S>
auto when(bool (S::*predicate)() const) {
  return detail::WhenClause<S>{[predicate](const void* state) { return (static_cast<const S*>(state)->*predicate)(); }};
}
/// Publishes an event so often while the step waits for its answer.
template <class M>
auto remind(Duration every, M method) {
  return detail::RemindClause<typename detail::Sending<M>::State>{{every, detail::make_sender(method)}};
}
/// The compensation: a command alone counts as undone once it is sent; with `done` its answer is waited for, and with
/// `failed`, `within` and `retries` as in a step.
template <class M, class... Clauses>
auto undo(M method, Clauses... clauses) {
  using S = typename detail::Sending<M>::State;
  detail::UndoClause<S> made{{.command = detail::make_sender(method), .done = {}, .failed = {}}};
  [[maybe_unused]] const auto add = [&]<class C>(C&& clause) {
    constexpr bool fits = requires { std::forward<C>(clause).add_to(made.action); };
    static_assert(fits, "tidings: saga::undo takes saga::done, failed, within and retries behind its command");
    if constexpr (fits) std::forward<C>(clause).add_to(made.action);
  };
  (add(std::move(clauses)), ...);
  return made;
}
/// Nothing is to be undone, whatever became of the step.
inline detail::NoUndoClause no_undo() {
  return {};
}

// Of the saga.

/// The event with which an instance begins.
template <class M, class... Options>
auto starts(M method, const Options&... options) {
  return detail::reacting<detail::StartsClause>(method, options...);
}
/// An event that has what was done undone, where the pivot has not been passed.
template <class M, class... Options>
  requires std::is_member_function_pointer_v<M>
auto cancels(M method, const Options&... options) {
  return detail::reacting<detail::CancelsClause>(method, options...);
}
template <class E, class... Options>
auto cancels(const Options&... options) {
  return detail::hearing<detail::CancelsClause, E>(options...);
}
/// What stands behind it begins once all before it is done; from then on the saga only goes forward.
inline detail::PivotClause pivot() {
  return {};
}
/// Published when every step is done.
template <class M>
auto completes(M method) {
  return detail::CompletesClause<typename detail::Sending<M>::State>{detail::make_sender(method)};
}
/// Published when all that was done has been undone.
template <class M>
auto fails(M method) {
  return detail::FailsClause<typename detail::Sending<M>::State>{detail::make_sender(method)};
}

}  // namespace tidings::saga
