#include <chrono>

#include "outbox/attributes.hpp"
#include "outbox/dialect.hpp"
#include "tidings/outbox/parked.hpp"

// Where one event stands, for people who ask.
namespace tidings::outbox {

namespace {

constexpr Duration wait_max = std::chrono::seconds{10};

struct Found {
  std::string message_id;
  std::string topic;
  std::string key;
  std::string type;
  std::vector<std::byte> attributes;
  std::int64_t since_ms = 0;
  std::int64_t is_held = 0;
  std::int64_t is_parked = 0;
  std::int64_t is_first = 0;
  std::int64_t attempts = 0;
  std::string code;
  std::string error;
};

OutboxEvent::State state_of(const Found& one) {
  using enum OutboxEvent::State;
  return one.is_parked != 0 ? parked : one.is_held == 0 ? waiting : one.is_first != 0 ? retried : held;
}

const std::string event = "select o.message_id, o.topic, o.key, o.type, o.attributes, @ms(o.created_at) as since_ms, ";
const std::string of_key =
    "f.part = o.part and f.topic = o.topic and @mark(f.key) = @mark(o.key) and f.key = o.key and f.lane = o.lane";

}  // namespace

Result<std::vector<OutboxEvent>> find_events(Store& store, std::string_view id, std::size_t max, const Tables& tables) {
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  // The cause stands among what is encoded; whether it is the cause is seen when that is decoded.
  const std::string meant = store.dialect() == SqlDialect::sqlite
                                ? " where o.message_id = $1 or instr(o.attributes, cast($1 as blob)) > 0"
                                : " where o.message_id = $1 or position(convert_to($1, 'UTF8') in o.attributes) > 0";
  std::vector<OutboxEvent> all;
  for (const auto& statement :
       {event + "0 as is_held, 0 as is_parked, 0 as is_first, 0 as attempts, '' as code, '' as error from @outbox o" +
            meant,
        event +
            "1 as is_held, case when k.parked_at is null then 0 else 1 end as is_parked, "
            "case when exists (select 1 from @held f where " +
            of_key +
            " and f.id < o.id) then 0 else 1 end as is_first, coalesce(k.attempts, 0) as attempts, "
            "coalesce(k.code, '') as code, coalesce(k.error, '') as error from @held o left join @keys k on k.part = "
            "o.part and k.topic = o.topic and @mark(k.key) = @mark(o.key) and k.key = o.key and k.lane = o.lane" +
            meant}) {
    const auto found =
        (*tx)->query<Found>(in_dialect(statement + " order by o.id limit $2", store.dialect(), tables), id, max);
    if (!found) return found.error();
    for (const auto& one : *found) {
      EnvelopeView view;
      decode_attributes({reinterpret_cast<const char*>(one.attributes.data()), one.attributes.size()}, view);
      const bool is_it = one.message_id == id;
      if ((!is_it && view.causation_id != id) || all.size() == max) continue;
      all.push_back({.id = one.message_id,
                     .type = one.type,
                     .topic = one.topic,
                     .key = one.key,
                     .state = state_of(one),
                     .is_effect = !is_it,
                     .is_first = one.is_first != 0,
                     .code = one.code,
                     .error = one.error,
                     .attempts = static_cast<int>(one.attempts),
                     .since = TimePoint{std::chrono::milliseconds{one.since_ms}}});
    }
  }
  return all;
}

}  // namespace tidings::outbox
