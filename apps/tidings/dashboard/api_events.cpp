#include <algorithm>
#include <limits>

#include "causes.hpp"
#include "dashboard/answers.hpp"
#include "dashboard/api.hpp"
#include "dashboard/event_json.hpp"
#include "dashboard/search.hpp"
#include "json_line.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"

// Events: the tail, the search, and one of them whole.
namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration heartbeat_every = 15s;

}  // namespace

Result<EventFilter> Api::filter_of(const Query& query) const {
  EventFilter filter{.topics = query.all("topic"),
                     .type = query.get("type"),
                     .key = query.get("key"),
                     .id = query.get("id"),
                     .from = {},
                     .to = {}};
  for (const auto& topic : filter.topics)
    if (auto valid = validate_name("topic", named(in_.common, topic)); !valid) return valid.error();
  auto from = time_of(query.get("from")), to = time_of(query.get("to"));
  if (!from) return from.error();
  if (!to) return to.error();
  filter.from = *from;
  filter.to = *to;
  return filter;
}

ops::HttpAnswer Api::begin_tail(const ops::HttpRequest& request, const ops::HttpStream& stream) {
  const Query query(request.query);
  auto filter = filter_of(query);
  if (!filter) return answer_of(filter.error());
  const auto max = whole_number("max", query.get("max"), 50);
  if (!max) return answer_of(max.error());
  filter->from = filter->to = std::nullopt;
  auto heard = std::make_shared<SteadyTime>(in_.clock.steady_now());
  auto send = [stream, heard, &clock = in_.clock](std::string_view event, const std::string& json) {
    const auto now = clock.steady_now();
    if (!event.empty()) {
      *heard = now;
      return stream.send(stream_message(event, json));
    }
    if (now - *heard < heartbeat_every) return stream.is_open();
    *heard = now;
    return stream.send(": still here\n\n");
  };
  auto tail = std::make_shared<Tail>(
      in_.broker, in_.common, in_.collector,
      TailOptions{.filter = std::move(*filter), .max = std::clamp<std::size_t>(*max, 1, rows_max)}, std::move(send),
      in_.clock);
  tails_.add(std::move(tail));
  return event_stream();
}

Api::Answer Api::events(const Query& query) {
  auto filter = filter_of(query);
  if (!filter) return filter.error();
  const auto limit = whole_number("limit", query.get("limit"), 100);
  if (!limit) return limit.error();
  // As it is now, and not as it was at the last look: what has just been published is found.
  const auto seen = observe_topics(in_.broker, in_.common, in_.clock);
  if (!seen) return seen.error();
  auto found = search(in_.broker, in_.common, *seen, *filter, query.get("cursor"),
                      {.limit = std::clamp<std::size_t>(*limit, 1, rows_max)}, in_.clock);
  if (!found) return found.error();
  std::vector<std::string> damaged;
  for (const auto& [topic, why] : found->damaged) {
    in_.collector.met_damage(topic, why, in_.clock.steady_now());
    damaged.push_back(JsonLine().add("name", topic).add("message", why).str());
  }
  return JsonLine()
      .raw("events", json_array(found->events))
      .raw("damaged", json_array(damaged))
      .add("searched", found->searched)
      .flag("complete", found->is_complete)
      .text_or_null("cursor", found->cursor)
      .str();
}

Api::Answer Api::event(const Query& query) {
  const auto topic = query.get("topic");
  if (auto valid = validate_name("topic", named(in_.common, topic)); !valid) return valid.error();
  const auto partition = whole_number("partition", query.get("partition"), 0);
  if (!partition) return partition.error();
  if (*partition > std::numeric_limits<std::uint32_t>::max())
    return Error{"invalid_request", "there is no partition " + std::to_string(*partition) + ": numbers have 32 bits"};
  const auto offset = whole_number("offset", query.get("offset"));
  if (!offset) return offset.error();
  const auto found =
      event_at(in_.broker, in_.common, topic, Partition{static_cast<std::uint32_t>(*partition)}, Offset{*offset});
  if (!found) return found.error();
  if (!*found)
    return Error{"unknown_event", "there is no event at offset " + std::to_string(*offset) + " of " + topic + "/" +
                                      std::to_string(*partition) + ": retention may have removed it"};
  return event_json(**found, topic, Wholeness::whole, in_.common.showing);
}

}  // namespace tidings::cli
