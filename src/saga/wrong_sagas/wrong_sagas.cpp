// Clauses that do not fit do not compile, with one sentence that says what does.
#include "tidings/saga/define.hpp"

namespace saga = tidings::saga;

struct Placed {
  std::string order_id;
  static constexpr tidings::traits<Placed> event{.name = "shop.placed", .key = &Placed::order_id};
};
struct State {
  std::string order_id;
  void begin(const Placed& event) { order_id = event.order_id; }
  int count(const Placed&) { return 1; }
  void two(const Placed&, int) {}
  Placed place() const { return {order_id}; }
  Placed change() { return {order_id}; }
  std::string text() const { return order_id; }
};
struct Other {
  Placed place() const { return {}; }
};

saga::Definition fine() {
  return saga::define<State>("fine", {}, saga::starts(&State::begin),
                             saga::step("place", saga::send(&State::place), saga::done<Placed>(), saga::no_undo()));
}

#ifdef A_REACTION_THAT_TAKES_TWO
// refused: a saga reacts with a member function of its state
// errors: 6
auto wrong() {
  return saga::starts(&State::two);
}
#endif

#ifdef A_REACTION_THAT_RETURNS_SOMETHING
// refused: a saga's reaction returns void or tidings::Result<>
// errors: 3
auto wrong() {
  return saga::starts(&State::count);
}
#endif

#ifdef A_SENDER_THAT_CHANGES_THE_STATE
// refused: a saga sends with a member function of its state: Event f() const
// errors: 6
auto wrong() {
  return saga::send(&State::change);
}
#endif

#ifdef A_SENDER_OF_A_TEXT
// refused: what a saga sends is an event: a struct of its own
// errors: 12
auto wrong() {
  return saga::send(&State::text);
}
#endif

#ifdef TWO_STATES_IN_A_STEP
// refused: the clauses of a saga name members of one state
auto wrong() {
  return saga::step("place", saga::send(&State::place), saga::undo(&Other::place));
}
#endif

#ifdef A_STEP_OF_ANOTHER_STATE
// refused: this clause names a member of another state than the saga's
auto wrong() {
  return saga::define<State>("wrong", {}, saga::step("place", saga::send(&Other::place)));
}
#endif

#ifdef A_CLAUSE_OF_A_STEP_AMONG_THE_STEPS
// refused: a saga takes saga::starts, step, parallel, pivot, cancels, within, completes and fails
auto wrong() {
  return saga::define<State>("wrong", {}, saga::send(&State::place));
}
#endif

#ifdef A_CLAUSE_OF_THE_SAGA_IN_A_STEP
// refused: a step takes saga::send, done, failed, undo, no_undo, within, retries, when and remind
auto wrong() {
  return saga::step("place", saga::completes(&State::place));
}
#endif

#ifdef AN_UNDO_WITH_A_CONDITION
// refused: saga::undo takes saga::done, failed, within and retries
auto wrong() {
  return saga::undo(&State::place, saga::no_undo());
}
#endif

#ifdef AN_OPTION_THAT_IS_NONE
// refused: such a clause takes saga::by(&Event::member) and nothing else
auto wrong() {
  return saga::done<Placed>(saga::retries(3));
}
#endif
