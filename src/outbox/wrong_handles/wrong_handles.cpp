// What cannot take an event into its transaction does not compile, with one sentence that says what can.
#include "tidings/outbox/enqueue.hpp"

struct Placed {
  std::string order_id;
  static constexpr tidings::traits<Placed> event{.name = "shop.placed", .key = &Placed::order_id};
};
struct Session {};

tidings::Result<> fine(tidings::Transaction& tx) {
  return tidings::outbox::enqueue(tx, Placed{"1"});
}

#ifdef A_HANDLE_NOBODY_KNOWS
// refused: outbox::enqueue takes a tidings::Transaction, or a database's handle whose header is included
// names: tidings/outbox/sqlite3.hpp
tidings::Result<> wrong(Session& session) {
  return tidings::outbox::enqueue(session, Placed{"1"});
}
#endif

#ifdef AN_ENVELOPE_TO_A_HANDLE_NOBODY_KNOWS
// refused: outbox::enqueue takes a tidings::Transaction, or a database's handle whose header is included
tidings::Result<> wrong(Session& session) {
  return tidings::outbox::enqueue_envelope(session, "orders", tidings::EnvelopeView{});
}
#endif
