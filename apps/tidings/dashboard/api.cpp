#include "dashboard/api.hpp"

#include <algorithm>

#include "dashboard/answers.hpp"
#include "json_line.hpp"
#include "saga_json.hpp"
#include "tidings/base/redact.hpp"

// The routes, and what is told of the whole. Of events, groups and dead letters `api_….cpp` tells, and `actions.cpp`
// does what is asked for.
namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view base = "/api/v1";
constexpr Duration flow_every = 2s;

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
    const auto window = Series::window_named(Query(request.query).get("window"));
    return answer_of(window ? Answer(overview(*window)) : Answer(window.error()));
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
  post("/outbox", {"outbox", {"action", "store", "topic", "key", "row"}, &Api::drive_outbox});
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
  if (!window) return answer_of(window.error());
  stream.send("retry: 2000\n" + stream_message("overview", overview(*window)) + stream_message("flow", flow()));
  const std::scoped_lock lock(listeners_mutex_);
  std::erase_if(listeners_, [](const Listener& one) { return !one.stream.is_open(); });
  listeners_.push_back({.stream = stream, .window = *window, .flow_told = in_.clock.steady_now()});
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
    if (text.empty()) text = stream_message("overview", overview(one.window));
    if (now - one.flow_told >= flow_every - 200ms) {
      if (flow_message.empty()) flow_message = stream_message("flow", flow());
      one.stream.send(text + flow_message);
    } else {
      one.stream.send(text);
    }
  }
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
                              .limit = std::clamp<std::size_t>(*limit, 1, rows_max)});
}

}  // namespace tidings::cli
