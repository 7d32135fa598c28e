#include "service/describing.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "service/sealing.hpp"
#include "tidings/event/json.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

using Step = ServiceDescription::Step;

std::string joined(std::span<const std::string> words, std::string_view between = ", ") {
  std::string all;
  for (const auto& word : words) all.append(all.empty() ? "" : between).append(word);
  return all;
}

std::string text_of(const Start& start) {
  if (std::holds_alternative<Start::Earliest>(start.at)) return "earliest";
  if (std::holds_alternative<Start::Latest>(start.at)) return "latest";
  if (const auto* const offset = std::get_if<Offset>(&start.at)) return std::to_string(offset->value);
  if (const auto* const time = std::get_if<TimePoint>(&start.at)) return to_rfc3339(*time);
  return "an offset of each partition";
}

std::string versions_of(const ServiceDescription::Event& event) {
  std::string text = event.type + " " + std::to_string(event.versions.front());
  for (std::size_t at = 1; at < event.versions.size(); ++at)
    text += (at == 1 ? ", upcast from " : ", ") + std::to_string(event.versions[at]);
  return text;
}

std::string lanes_of(const HandlerOptions& options, bool batches) {
  if (!batches)
    return "events of one key one after another, up to " + std::to_string(options.concurrency) + " keys at once";
  return "up to " + std::to_string(options.batch_max) + " events of a partition together, in order" +
         (options.batch_wait > Duration::zero() ? ", waits " + to_text(options.batch_wait) + " to be full" : "");
}

std::string jitter_of(Jitter jitter) {
  return jitter == Jitter::full ? "full jitter" : jitter == Jitter::equal ? "equal jitter" : "no jitter";
}

std::string retry_of(const Backoff& retry, bool batches) {
  std::string text = batches ? "events of a failed batch come again one at a time; " : "";
  text += std::to_string(retry.immediate) + " more at once";
  if (retry.delayed > 0)
    text += ", then " + std::to_string(retry.delayed) + " after " + to_text(retry.first) + ", doubled up to " +
            to_text(retry.longest) + ", " + jitter_of(retry.jitter);
  text += "; none where the error says never";
  if (!retry.also.empty()) text += ", but for " + joined(retry.also);
  if (!retry.never.empty()) text += ", nor for " + joined(retry.never);
  return text;
}

void add_gate(std::vector<Step>& steps, const HandlerOptions& options) {
  steps.push_back({"pause", "waits while the handler is paused"});
  if (const auto& breaker = options.breaker; breaker.window > 0)
    steps.push_back({"circuit-breaker", "opens when " + std::to_string(std::lround(breaker.share * 100)) +
                                            " % of the last " + std::to_string(breaker.window) +
                                            " attempts have failed, for " + to_text(breaker.pause) +
                                            ", doubled up to " + to_text(breaker.longest)});
  if (const auto& rate = options.rate; rate.events > 0)
    steps.push_back({"rate-limit", std::to_string(rate.events) + " events in each " + to_text(rate.per) + ", " +
                                       std::to_string(rate.burst > 0 ? rate.burst : rate.events) +
                                       " at once after a lull"});
}

}  // namespace

ServiceDescription::Event describe(const detail::EventKind& kind) {
  ServiceDescription::Event event{.type = std::string(kind.type),
                                  .versions = {},
                                  .topic = std::string(kind.topic),
                                  .ordered = kind.ordered,
                                  .keyed = kind.keyed,
                                  .ttl = kind.ttl > Duration::zero() ? to_text(kind.ttl) : "",
                                  .encrypted = kind.encrypted};
  for (const auto* version = &kind; version != nullptr; version = version->older)
    event.versions.push_back(version->version);
  return event;
}

void add_sent_kinds(const saga::Definition& definition, std::vector<Published>& published) {
  const auto handler = "saga-" + definition.name();
  const auto add = [&](const saga::Sender& sender) {
    const bool is_there = std::ranges::any_of(
        published, [&](const Published& one) { return one.kind == sender.kind && one.handler == handler; });
    if (sender.kind != nullptr && !is_there)
      published.push_back({.kind = sender.kind, .handler = handler, .schedule = {}});
  };
  for (const auto& step : definition.plan().steps) {
    add(step.act.command);
    if (step.undo) add(step.undo->command);
    if (step.reminder) add(step.reminder->event);
  }
  for (const auto& one : definition.plan().completes) add(one);
  for (const auto& one : definition.plan().fails) add(one);
}

std::vector<ServiceDescription::Publication> describe(std::span<const Published> published) {
  std::vector<ServiceDescription::Publication> all;
  for (const auto& one : published) {
    auto event = describe(*one.kind);
    auto at = std::ranges::find_if(all, [&](const ServiceDescription::Publication& other) {
      return other.type == event.type && other.versions == event.versions && other.topic == event.topic;
    });
    if (at == all.end())
      at = all.insert(all.end(), {.type = std::move(event.type),
                                  .versions = std::move(event.versions),
                                  .topic = std::move(event.topic),
                                  .ordered = event.ordered,
                                  .keyed = event.keyed,
                                  .ttl = std::move(event.ttl),
                                  .encrypted = event.encrypted,
                                  .handlers = {},
                                  .schedules = {}});
    const auto add = [](std::vector<std::string>& names, const std::string& name) {
      if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
    };
    add(at->handlers, one.handler);
    add(at->schedules, one.schedule);
    at->outbox = at->outbox || one.by_outbox;
    at->elsewhere = at->elsewhere || (one.handler.empty() && one.schedule.empty() && !one.by_outbox);
  }
  return all;
}

ServiceDescription::Request describe(const Requested& requested, const Host& host) {
  ServiceDescription::Request told{
      .event = describe(*requested.kind), .replies = {}, .replies_topic = replies_of(host.service)};
  for (const auto* const reply : requested.replies) told.replies.push_back(describe(*reply));
  return told;
}

std::string schemas_of(std::span<const detail::EventKind* const> kinds) {
  std::map<std::string, std::string> schemas;
  for (const auto* const kind : kinds)
    for (const auto* version = kind; version != nullptr; version = version->older)
      if (version->schema != nullptr)
        schemas.try_emplace(std::string(version->type) + "/" + std::to_string(version->version), version->schema());
  std::string all = "{";
  for (const auto& [name, schema] : schemas) {
    if (all.size() > 1) all += ',';
    append_json_string(all, name);
    all += ':' + schema;
  }
  return all + "}";
}

ServiceDescription::Handler describe(const Registered& one, const HandlerOptions& options, const Host& host,
                                     std::string_view claim_folder) {
  const auto& handler = *one.handler;
  const bool any = !handler.decodes();
  ServiceDescription::Handler out{
      .name = one.name,
      .group = group_name(host, one.name, options),
      .topics = {},
      .events = {},
      .batches = handler.takes_batches(),
      .transaction = handler.takes_transaction(),
      .concurrency = static_cast<std::uint32_t>(options.concurrency),
      .batch_max = handler.takes_batches() ? static_cast<std::uint32_t>(options.batch_max) : 1,
      .retries = static_cast<std::uint32_t>(options.retry.immediate + options.retry.delayed),
      .start = text_of(options.start),
      .dead_letters = {},
      .after_parked = options.after_parked == AfterParked::wait && !remembers_nothing(host, options) ? "wait" : "go_on",
      .unknown_types = options.unknown_types == UnknownType::park ? "park" : "ignore",
      .each_process = options.instances == Instances::each,
      .remembers = !remembers_nothing(host, options),
      .steps = {},
      .on_failure = {}};
  out.dead_letters = dead_letters_of(out.group);
  for (const auto& kind : handler.kinds()) {
    if (std::ranges::find(out.topics, kind.topic) == out.topics.end()) out.topics.emplace_back(kind.topic);
    if (!any) out.events.push_back(describe(kind));
  }

  // In the order in which Handling and Turns do it.
  auto& steps = out.steps;
  steps.push_back({"fetch", "up to " + std::to_string(options.in_flight_max) + " events of a topic in hand, each for " +
                                to_text(options.settle_within) + " and longer while it is worked at"});
  if (!any)
    steps.push_back({"unknown-types", options.unknown_types == UnknownType::park ? "parked, as unknown_type"
                                                                                 : "settled, and counted as ignored"});
  steps.push_back({"order", lanes_of(options, out.batches)});
  add_gate(steps, options);
  steps.push_back({"time-to-live", "settled, and counted as expired, once its expirytime is over"});
  steps.push_back({"parked-keys", options.after_parked == AfterParked::wait
                                      ? "parked behind what is parked of its key"
                                      : "handled, whatever is parked of its key"});
  if (options.deadline > Duration::zero())
    steps.push_back({"deadline", "the attempt is asked to end after " + to_text(options.deadline)});
  if (!any && !claim_folder.empty())
    steps.push_back({"claim-check", "reads a payload that waits in " + std::string(claim_folder)});
  if (const auto keys = host.sealing->keys(); !any && !keys.empty())
    steps.push_back({"open", "opens what is sealed with key " + joined(keys.ids())});
  for (const auto& middleware : host.middleware) steps.push_back({"middleware", middleware.name});
  const bool in_transaction = one.handler->takes_transaction();
  if (in_transaction) {
    steps.push_back({"transaction", "of the service's store"});
    steps.push_back({"inbox", "what was handled before is settled; marks are kept for " + to_text(host.inbox_window)});
  }
  if (!any) {
    std::vector<std::string> reads;
    for (const auto& event : out.events) reads.push_back(versions_of(event));
    steps.push_back({"decode", joined(reads, "; ")});
  }
  steps.push_back({"handler", one.name});
  if (in_transaction) {
    steps.push_back({"outbox", std::string("what it published is written in the transaction") +
                                   (host.broker->capabilities().producers
                                        ? ""
                                        : "; on this broker it may come twice, under one id, where a relay is late")});
    steps.push_back({"commit", "from here on it is done, and is never done again"});
  } else {
    steps.push_back({"publish", "what it published leaves, in order, one batch a topic"});
  }
  steps.push_back({"settle", "the event is done"});

  out.on_failure.push_back({"retry", retry_of(options.retry, out.batches)});
  out.on_failure.push_back({"park", "in " + dead_letters_of(out.group)});
  return out;
}

}  // namespace tidings::service
