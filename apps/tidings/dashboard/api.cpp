#include "dashboard/api.hpp"

#include <algorithm>
#include <limits>

#include "causes.hpp"
#include "dashboard/answers.hpp"
#include "dashboard/event_json.hpp"
#include "dashboard/fate.hpp"
#include "dashboard/search.hpp"
#include "json_line.hpp"
#include "output.hpp"
#include "saga_json.hpp"
#include "tidings/base/redact.hpp"
#include "tidings/base/text.hpp"

// What is looked at: the answers to GET.
namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view base = "/api/v1";
constexpr Duration flow_every = 2s;
constexpr Duration heartbeat_every = 15s;
constexpr Duration chain_max = 8s;
constexpr std::size_t chain_nodes_max = 2'000;
constexpr std::size_t shown_max = 500;

std::string message(std::string_view event, const std::string& json) {
  std::string out = "event: ";
  out.append(event).append("\ndata: ").append(json).append("\n\n");
  return out;
}

ops::HttpAnswer event_stream() {
  return {.status = 200, .body = {}, .type = "text/event-stream", .headers = {{"X-Accel-Buffering", "no"}}};
}

std::string numbers(const std::vector<float>& values) {
  std::string out;
  for (const auto one : values) out += (out.empty() ? "" : ",") + json_real(static_cast<double>(one));
  return "[" + out + "]";
}

const GroupInfo* group_in(const Observation& seen, std::string_view topic, std::string_view group) {
  const auto at =
      std::ranges::find_if(seen.groups, [&](const GroupInfo& one) { return one.topic == topic && one.group == group; });
  return at == seen.groups.end() ? nullptr : &*at;
}

const GroupState* state_in(const Picture& picture, std::string_view topic, std::string_view group) {
  const auto at = std::ranges::find_if(picture.groups,
                                       [&](const GroupState& one) { return one.topic == topic && one.group == group; });
  return at == picture.groups.end() ? nullptr : &*at;
}

}  // namespace

void Api::stop() {
  tails_.stop();
  const std::scoped_lock lock(listeners_mutex_);
  for (const auto& one : listeners_) one.stream.close();
  listeners_.clear();
}

void Api::serve(ops::HttpServer& server) {
  const auto path = [](std::string_view name) { return std::string(base) + std::string(name); };
  const auto get = [&](std::string_view name, Answer (Api::*call)(const Query&)) {
    server.slow(path(name), [this, call](const ops::HttpRequest& request) {
      return answer_of((this->*call)(Query(request.query)));
    });
  };
  const auto post = [&](std::string_view at, Action action) {
    server.post(path(at),
                [this, action = std::move(action)](const ops::HttpRequest& request) { return act(request, action); });
  };
  server.quick(path("/session"), [this](const ops::HttpRequest&) { return answer_of(session()); });
  server.slow(path("/overview"), [this](const ops::HttpRequest& request) {
    return answer_of(overview(Series::window_named(Query(request.query).get("window"))));
  });
  server.slow(path("/flow"), [this](const ops::HttpRequest&) { return answer_of(flow()); });
  server.stream(path("/stream"), [this](const ops::HttpRequest& request, const ops::HttpStream& stream) {
    return begin_listening(request, stream);
  });
  server.stream(path("/events/stream"), [this](const ops::HttpRequest& request, const ops::HttpStream& stream) {
    return begin_tail(request, stream);
  });
  get("/events", &Api::events);
  get("/event", &Api::event);
  get("/chain", &Api::chain);
  get("/group", &Api::group);
  get("/dead-letters", &Api::letters);
  get("/dead-letters/list", &Api::letter_list);
  get("/dead-letters/progress", &Api::letter_progress);
  get("/sagas", &Api::sagas);
  server.slow(path("/saga"), [this](const ops::HttpRequest& request) {
    const Query query(request.query);
    return answer_of(in_.databases.saga(query.get("type"), query.get("id")));
  });
  server.slow(path("/outbox"), [this](const ops::HttpRequest&) { return answer_of(in_.databases.outbox()); });
  server.slow(path("/inbox"), [this](const ops::HttpRequest&) { return answer_of(in_.databases.inbox()); });
  server.slow(path("/audit"), [this](const ops::HttpRequest&) { return answer_of(in_.audit.json()); });
  post("/events", {"publish", {"topic", "type", "key", "data"}, &Api::publish});
  post("/pause", {"pause", {"target", "paused"}, &Api::pause});
  post("/seek", {"seek", {"group", "topic", "to", "dry_run"}, &Api::seek});
  post("/dead-letters",
       {"dead-letters", {"group", "action", "code", "key", "only_first", "dry_run"}, &Api::drive_letters});
  post("/outbox", {"outbox", {"action", "topic", "key", "row"}, &Api::drive_outbox});
  post("/saga", {"saga", {"type", "id", "action"}, &Api::steer_saga});
}

std::string Api::session() const {
  const auto& can = in_.broker.capabilities();
  const auto& url = in_.common.broker;
  return JsonLine()
      .add("version", in_.arguments.version)
      .add("broker", redacted(url))
      .add("kind", url.substr(0, url.find(':')))
      .add("namespace", in_.common.name_space)
      .text_or_null("store", in_.databases.names())
      .flag("actions", in_.arguments.allow_actions)
      .raw("capabilities", JsonLine()
                               .flag("seek", can.seek)
                               .flag("delete_group", can.delete_group)
                               .flag("exact_lag", can.exact_lag)
                               .flag("retention", can.retention)
                               .flag("start_at_time", can.start_at_time)
                               .flag("persistent", can.persistent)
                               .str())
      .add("started", to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(in_.started)))
      .str();
}

std::string Api::overview(std::size_t window) {
  const auto picture = in_.collector.picture();
  const std::scoped_lock lock(cache_mutex_);
  auto& cached = overviews_[window];
  if (cached.number != picture->number || cached.json.empty())
    cached = {.number = picture->number, .json = overview_json(*picture, in_.collector, window, in_.clock.now())};
  return cached.json;
}

std::string Api::flow() {
  const auto picture = in_.collector.picture();
  const std::scoped_lock lock(cache_mutex_);
  if (flow_.number != picture->number || flow_.json.empty())
    flow_ = {.number = picture->number, .json = flow_json(*picture, in_.sources)};
  return flow_.json;
}

ops::HttpAnswer Api::begin_listening(const ops::HttpRequest& request, const ops::HttpStream& stream) {
  const auto window = Series::window_named(Query(request.query).get("window"));
  stream.send("retry: 2000\n" + message("overview", overview(window)) + message("flow", flow()));
  const std::scoped_lock lock(listeners_mutex_);
  std::erase_if(listeners_, [](const Listener& one) { return !one.stream.is_open(); });
  listeners_.push_back({.stream = stream, .window = window, .flow_told = in_.clock.steady_now()});
  return event_stream();
}

void Api::tell_listeners() {
  std::vector<Listener> all;
  {
    const std::scoped_lock lock(listeners_mutex_);
    std::erase_if(listeners_, [](const Listener& one) { return !one.stream.is_open(); });
    const auto now = in_.clock.steady_now();
    for (auto& one : listeners_) {
      all.push_back(one);
      if (now - one.flow_told >= flow_every - 200ms) one.flow_told = now;
    }
  }
  if (all.empty()) return;
  std::string overviews[std::size(Series::windows)], flow_message;
  const auto now = in_.clock.steady_now();
  for (const auto& one : all) {
    auto& text = overviews[one.window];
    if (text.empty()) text = message("overview", overview(one.window));
    if (now - one.flow_told >= flow_every - 200ms) {
      if (flow_message.empty()) flow_message = message("flow", flow());
      one.stream.send(text + flow_message);
    } else {
      one.stream.send(text);
    }
  }
}

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
      return stream.send(message(event, json));
    }
    if (now - *heard < heartbeat_every) return stream.is_open();
    *heard = now;
    return stream.send(": still here\n\n");
  };
  auto tail = std::make_shared<Tail>(
      in_.broker, in_.common, in_.collector,
      TailOptions{.filter = std::move(*filter), .max = std::clamp<std::size_t>(*max, 1, shown_max)}, std::move(send),
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
                      {.limit = std::clamp<std::size_t>(*limit, 1, shown_max)}, in_.clock);
  if (!found) return found.error();
  std::vector<std::string> damaged;
  for (const auto& [topic, why] : found->damaged) {
    in_.collector.met_damage(topic, why, in_.clock.steady_now());
    damaged.push_back(JsonLine().add("name", topic).add("message", well_formed(why)).str());
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
      const auto* const state = state_in(*picture, one.topic, group.group);
      const auto paused = in_.collector.pause_of(group.group);
      const auto end = ends.find({group.group, {group.topic, Partition{one.partition}, Offset{one.offset}}});
      const auto fate = fate_of(group, Partition{one.partition}, Offset{one.offset}, one.key,
                                {.paused = paused,
                                 .letters = letters.get(),
                                 .is_still = state != nullptr && state->judgement.doing == Doing::stalled,
                                 .now = in_.clock.now(),
                                 .expires = one.expires,
                                 .end = end == ends.end() ? std::nullopt : std::optional(end->second),
                                 .marked = {}});
      attempts.push_back(JsonLine()
                             .add("group", group.group)
                             .add("status", name_of(fate.status))
                             .add("reason", well_formed(fate.reason))
                             .str());
    }
    nodes.push_back(JsonLine()
                        .add("id", well_formed(one.id))
                        .add("type", well_formed(one.type))
                        .add("key", well_formed(one.key))
                        .add("topic", one.topic)
                        .add("partition", one.partition)
                        .add("offset", one.offset)
                        .add("time", to_rfc3339(one.time))
                        .add("causation", well_formed(one.cause))
                        .add("service", well_formed(one.source))
                        .raw("attempts", json_array(attempts))
                        .str());
  }
  return JsonLine().raw("nodes", json_array(nodes)).flag("complete", is_complete).str();
}

Api::Answer Api::group(const Query& query) {
  const auto group = query.get("group"), topic = query.get("topic");
  const auto seen = in_.collector.observation();
  const auto picture = in_.collector.picture();
  const auto* const info = group_in(*seen, topic, group);
  const auto* const state = state_in(*picture, topic, group);
  if (info == nullptr || state == nullptr)
    return Error{"unknown_group", "there is no group '" + printable(group) + "' on topic '" + printable(topic) + "'"};
  std::vector<std::string> partitions;
  for (const auto& one : info->partitions)
    partitions.push_back(JsonLine()
                             .add("partition", one.partition.value)
                             .add("position", one.position.value)
                             .add("end", one.end.value)
                             .add("earliest", one.earliest.value)
                             .add("lag", one.lag())
                             .add("settled_beyond", one.settled_beyond)
                             .add("handled", one.handled)
                             .add("parked", one.parked)
                             .add("expired", one.expired)
                             .add("skipped", one.skipped)
                             .flag("owned", one.owned)
                             .raw("holder", "null")
                             .str());
  std::string times, lags;
  std::string handled = "[]";
  if (const auto history = in_.collector.history(group, topic)) {
    for (const auto time : history->times) times += (times.empty() ? "" : ",") + std::to_string(time);
    for (const auto& lag : history->lag) lags += (lags.empty() ? "" : ",") + numbers(lag);
    handled = numbers(history->handled);
  }
  return JsonLine()
      .add("group", group)
      .add("topic", topic)
      .add("status", name_of(state->judgement.doing))
      .add("reason", state->judgement.reason)
      .flag("paused", !in_.collector.pause_of(group).empty())
      .add("lag", info->lag())
      .add("lost", info->lost())
      .raw("partitions", json_array(partitions))
      .raw("history", JsonLine().raw("t", "[" + times + "]").raw("lag", "[" + lags + "]").raw("handled", handled).str())
      .add("dead_letters", state->open_letters)
      .str();
}

Api::Answer Api::letters(const Query& /*query*/) {
  return letters_json(in_.letters);
}

Api::Answer Api::letter_list(const Query& query) {
  const auto group = query.get("group");
  if (auto valid = validate_name("group", named(in_.common, group)); !valid) return valid.error();
  const auto limit = whole_number("limit", query.get("limit"), 100);
  if (!limit) return limit.error();
  const auto most = std::clamp<std::size_t>(*limit, 1, shown_max);
  auto read = DeadLetters::read(in_.broker, named(in_.common, group));
  if (!read && read.error().code == "unknown_topic") return std::string(R"({"letters":[],"more":false})");
  if (!read) return read.error();
  DeadLetterRequest meant;
  if (const auto code = query.get("code"); !code.empty()) meant.filter.code = code;
  if (const auto key = query.get("key"); !key.empty()) meant.filter.key = key;
  struct Row {
    std::string json;
    std::tuple<std::string, std::uint32_t, std::uint64_t> place;
  };
  std::vector<Row> rows;
  std::map<std::tuple<std::string, std::uint32_t, std::uint64_t>, std::uint64_t> behind;
  bool has_more = false;
  auto listed = read->for_each(meant, [&](const DeadLetter& letter) {
    const auto topic = unnamed(in_.common, letter.topic);
    if (letter.follows) ++behind[{topic, letter.partition.value, letter.follows->value}];
    if (rows.size() == most) {
      has_more = true;
      return true;  // what stands behind those that are shown is still counted
    }
    auto at = letter.delivery;
    at.id.partition = letter.partition;
    at.id.offset = letter.offset;
    auto json = event_json(at, topic, Wholeness::listed, in_.common.showing);
    json.pop_back();
    rows.push_back({.json = json + "," +
                            JsonLine()
                                .add("code", well_formed(letter.code))
                                .add("reason", well_formed(letter.reason))
                                .add("attempts", static_cast<std::uint64_t>(std::max(letter.attempts, 0)))
                                .add("parked", to_rfc3339(letter.parked))
                                .flag("follows", letter.follows.has_value())
                                .str()
                                .substr(1),
                    .place = {topic, letter.partition.value, letter.offset.value}});
    return true;
  });
  if (!listed) return listed.error();
  std::vector<std::string> out;
  for (auto& row : rows) {
    row.json.pop_back();
    const auto at = behind.find(row.place);
    out.push_back(row.json + ",\"blocks\":" + std::to_string(at == behind.end() ? 0 : at->second) + "}");
  }
  return JsonLine().raw("letters", json_array(out)).flag("more", has_more).str();
}

Api::Answer Api::letter_progress(const Query& query) {
  const auto id = query.get("request");
  const std::scoped_lock lock(requests_mutex_);
  const auto found = requests_.find(id);
  if (found == requests_.end())
    return Error{"unknown_request", "this dashboard has not asked for that, or some time ago; look at what is parked"};
  const auto progress = found->second->progress();
  if (!progress) return progress.error();
  std::vector<std::string> given_up;
  for (const auto& why : progress->given_up) append_json_string(given_up.emplace_back(), well_formed(why));
  return JsonLine()
      .add("partitions", static_cast<std::uint64_t>(progress->partitions))
      .add("begun", static_cast<std::uint64_t>(progress->begun))
      .add("done", static_cast<std::uint64_t>(progress->done))
      .add("redriven", progress->redriven)
      .add("dropped", progress->dropped)
      .add("failed", progress->failed)
      .raw("given_up", json_array(given_up))
      .str();
}

Api::Answer Api::sagas(const Query& query) {
  auto status = saga_status(query.get("status"));
  if (!status) return status.error();
  const auto limit = whole_number("limit", query.get("limit"), 100);
  if (!limit) return limit.error();
  return in_.databases.sagas({.type = query.get("type"),
                              .status = *status,
                              .after_type = query.get("after_type"),
                              .after_id = query.get("after_id"),
                              .limit = std::clamp<std::size_t>(*limit, 1, shown_max)});
}

}  // namespace tidings::cli
