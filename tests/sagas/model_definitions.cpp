#include "tests/sagas/model.hpp"
#include "tests/sagas/model_events.hpp"

namespace tidings::saga::model {

namespace {

using namespace std::chrono_literals;

template <char S>
auto sending() {
  return send(&State::say<Do<S>>);
}
/// Waits for what undoes it.
template <char S>
auto careful(int again = 1) {
  return step(std::string(1, S), sending<S>(), done<Done<S>>(), failed<Failed<S>>(), within(1s), retries(again),
              undo(&State::say<Undo<S>>, done<Undone<S>>(), failed<UndoFailed<S>>(), within(1s), retries(again)));
}
/// Counts as undone once that is sent.
template <char S>
auto trusting() {
  return step(std::string(1, S), sending<S>(), done<Done<S>>(), failed<Failed<S>>(), within(1s),
              undo(&State::say<Undo<S>>));
}
/// Behind the pivot.
template <char S>
auto last() {
  return step(std::string(1, S), sending<S>(), done<Done<S>>(), failed<Failed<S>>(), within(1s), retries(1));
}
template <class... Parts>
Definition define_model(Parts... parts) {
  return define<State>("model", {}, starts(&State::begin), std::move(parts)..., cancels<Cancelled>(),
                       completes(&State::say<Completed>), fails(&State::say<GivenUp>));
}

}  // namespace

std::map<std::string, Definition> definitions() {
  return {{"a pair, the pivot, one", define_model(parallel(careful<'A'>(), trusting<'B'>()), pivot(), last<'C'>())},
          {"one, a pair, no pivot", define_model(trusting<'A'>(), parallel(careful<'B'>(0), careful<'C'>(0)))},
          {"one, the pivot, a pair", define_model(careful<'A'>(), pivot(), parallel(last<'B'>(), last<'C'>()))},
          {"a pair, one, a deadline",
           define_model(parallel(careful<'A'>(0), trusting<'B'>()), trusting<'C'>(), within(1h))}};
}

std::string Action::text() const {
  switch (what) {
    case What::start:
      return "start";
    case What::command:
      return command + (way == Way::obey     ? " is obeyed"
                        : way == Way::refuse ? " is refused"
                        : way == Way::ignore ? " is ignored"
                                             : " is obeyed in silence");
    case What::answer:
      return "answer " + std::to_string(static_cast<int>(message.answer)) + " to " + message.command;
    case What::timer:
      return "timer " + std::string(name_of(timer.kind)) + " of '" + timer.step + "'";
    case What::cancel:
      return "cancel";
    case What::resume:
      return "resume";
  }
  return {};
}

}  // namespace tidings::saga::model
