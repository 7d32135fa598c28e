#include <algorithm>
#include <set>

#include "causes.hpp"
#include "dashboard/api.hpp"
#include "dashboard/event_json.hpp"
#include "dashboard/fate.hpp"
#include "dashboard/outbox_fate.hpp"
#include "json_line.hpp"
#include "output.hpp"

// A chain of causes and effects, and what each group made of each.
namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration chain_max = 8s;
constexpr std::size_t chain_nodes_max = 2'000;

}  // namespace

/// Of events that a group has passed, in partitions of which any was ever parked.
Api::LetterEnds Api::ends_of_letters(const Observation& seen, const std::vector<Seen>& chain,
                                     const std::function<bool()>& goes_on) {
  std::map<std::string, std::vector<DeadLetterPlace>> wanted;
  for (const auto& group : seen.groups)
    for (const auto& one : chain) {
      if (one.topic != group.topic) continue;
      const auto at = std::ranges::find(group.partitions, Partition{one.partition}, &GroupPartitionInfo::partition);
      if (at != group.partitions.end() && at->parked > 0 && one.offset < at->position.value)
        wanted[group.group].push_back({group.topic, Partition{one.partition}, Offset{one.offset}});
    }
  LetterEnds out;
  for (auto& [group, places] : wanted) {
    if (!goes_on()) break;
    auto named_places = places;
    for (auto& one : named_places) one.topic = named(in_.common, one.topic);
    const auto ends = DeadLetters::ends_of(in_.broker, named(in_.common, group), named_places, goes_on);
    if (!ends) continue;
    for (std::size_t i = 0; i < places.size(); ++i) out[{group, places[i]}] = (*ends)[i];
  }
  return out;
}

Api::Answer Api::chain(const Query& query) {
  const auto id = query.get("id");
  if (id.empty()) return Error{"invalid_request", "say of which event, or correlation: id="};
  // Each reads all topics: one at a time.
  const std::unique_lock lock(chains_mutex_, std::try_to_lock);
  if (!lock.owns_lock())
    return Error{"busy", "another chain of events is being looked for; try again in a few seconds", Retry::same_call};
  const auto until = in_.clock.steady_now() + chain_max;
  bool is_complete = true;
  auto chain = chain_of(in_.broker, in_.common, id,
                        {.begins_by_ids = true,
                         .goes_on =
                             [&] {
                               if (in_.clock.steady_now() < until) return true;
                               is_complete = false;
                               return false;
                             },
                         .on_unfinished = [&](const std::string&, Duration) { is_complete = false; },
                         .on_damage =
                             [&](const std::string& topic, const Error& why) {
                               is_complete = false;
                               in_.collector.met_damage(topic, to_string(why), in_.clock.steady_now());
                             }});
  if (!chain) return chain.error();
  const auto seen = in_.collector.observation();
  const auto picture = in_.collector.picture();
  const auto goes_on = [&] { return in_.clock.steady_now() < until; };
  const auto ends = ends_of_letters(*seen, *chain, goes_on);
  std::set<std::string> problems;
  std::vector<outbox::OutboxEvent> outbox;
  if (auto found = in_.databases.outbox_events(id))
    outbox = std::move(*found);
  else
    problems.insert(to_string(found.error()));
  // Only of what a group has passed: of the rest there is none yet.
  const auto marked_at = [&](const GroupInfo& group, const Seen& one) -> std::optional<TimePoint> {
    const auto at = std::ranges::find(group.partitions, Partition{one.partition}, &GroupPartitionInfo::partition);
    if (in_.databases.empty() || at == group.partitions.end() || one.offset >= at->position.value) return std::nullopt;
    if (!goes_on()) {
      is_complete = false;
      return std::nullopt;
    }
    auto marked = in_.databases.marked_at(named(in_.common, group.group), group.topic, one.id, one.source);
    if (marked) return *marked;
    if (marked.error().code != "unknown_inbox") problems.insert(to_string(marked.error()));
    return std::nullopt;
  };
  std::vector<std::string> nodes;
  for (const auto& one : *chain) {
    if (is_of_dead_letters(one.topic)) continue;  // the same event, parked: its attempts say so
    if (nodes.size() == chain_nodes_max) {
      is_complete = false;
      break;
    }
    std::vector<std::string> attempts;
    for (const auto& group : seen->groups) {
      if (group.topic != one.topic) continue;
      const auto letters = in_.letters.group(group.group);
      const auto* const state = picture->group(one.topic, group.group);
      const auto paused = in_.collector.pause_of(group.group);
      const auto end = ends.find({group.group, {group.topic, Partition{one.partition}, Offset{one.offset}}});
      const auto marked = marked_at(group, one);
      const auto fate = fate_of(group, Partition{one.partition}, Offset{one.offset}, one.key,
                                {.paused = paused,
                                 .letters = letters.get(),
                                 .is_still = state != nullptr && state->judgement.doing == Doing::stalled,
                                 .now = in_.clock.now(),
                                 .expires = one.expires,
                                 .end = end == ends.end() ? std::nullopt : std::optional(end->second),
                                 .marked = marked});
      attempts.push_back(JsonLine()
                             .add("group", group.group)
                             .add("status", name_of(fate.status))
                             .add("blocker", fate.blocker)
                             .add("reason", fate.reason)
                             .str());
    }
    nodes.push_back(JsonLine()
                        .add("id", one.id)
                        .add("type", one.type)
                        .add("key", one.key)
                        .add("topic", one.topic)
                        .add("partition", one.partition)
                        .add("offset", one.offset)
                        .add("time", to_rfc3339(one.time))
                        .add("causation", one.cause)
                        .add("service", one.source)
                        .raw("attempts", json_array(attempts))
                        .str());
  }
  std::vector<std::string> told;
  for (const auto& problem : problems) told.push_back(json_text(problem));
  return JsonLine()
      .raw("nodes", json_array(nodes))
      .raw("outbox", outbox_events_json(outbox))
      .raw("problems", json_array(told))
      .flag("complete", is_complete)
      .str();
}

}  // namespace tidings::cli
