#include "service/operations.hpp"

#include <algorithm>

#include "service/sealing.hpp"
#include "service/shown.hpp"
#include "tidings/base/text.hpp"
#include "tidings/outbox/relay.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;
using ops::HealthFinding;
using ops::HealthStatus;

constexpr Duration store_wait = 1s;
constexpr std::size_t sagas_counted_max = 10'000;
constexpr std::string_view probed_topic = "tidings.control";  // any name will do: whoever answers is there

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

}  // namespace

Operations::Operations(Host& host, Audit& audit, Relaying& relaying, How how)
    : host_(host), audit_(audit), relaying_(relaying), how_(std::move(how)), health_(*host.clock) {
  if (how_.measures) measures_.emplace(metrics_);
  metrics_
      .gauge("tidings_build_info", "1, with what this is.", {{"version", TIDINGS_VERSION}, {"service", host.service}})
      .set(1);
  metrics_.add_process_metrics();
  health_.set("service", HealthStatus::down, "it is starting");
}

ops::Metrics& Operations::metrics() {
  is_wanted_ = true;
  return metrics_;
}

ops::Health& Operations::health() {
  is_wanted_ = true;
  return health_;
}

Result<> Operations::open() {
  if (how_.listen.empty()) return {};
  is_wanted_ = true;
  server_ = std::make_unique<ops::HttpServer>(ops::HttpOptions{.listen = how_.listen});
  server_->quick("/healthz", [](const ops::HttpRequest&) { return ops::HttpAnswer{.body = "{\"status\":\"up\"}\n"}; });
  server_->quick("/readyz", [this](const ops::HttpRequest&) {
    const auto report = health_.look();
    return ops::HttpAnswer{.status = report.is_ready ? 200 : 503, .body = report.json()};
  });
  server_->quick("/metrics", [this](const ops::HttpRequest&) {
    return ops::HttpAnswer{.body = metrics_.text(), .type = std::string(ops::Metrics::content_type)};
  });
  if (auto started = server_->start(); !started)
    return Error{started.error().code, "http.listen: " + started.error().message, started.error().retry};
  host_.say(LogLevel::info, "answers /healthz, /readyz and /metrics on " + server_->address());
  return {};
}

void Operations::start(std::vector<Handling*> handlings, std::vector<std::string> sagas, bool relays) {
  handlings_ = std::move(handlings);
  sagas_ = std::move(sagas);
  relays_ = relays;
  for (auto* const handling : handlings_) add_handler(*handling);
  metrics_.gauge_of("tidings_gathered_timestamp_seconds", "When all that is gathered now and then was gathered last.",
                    {}, [this] { return gathered_.load(); });
  // These take what they ask as it goes, and the service waits for them.
  const ops::HealthOptions probe{.every = how_.gather_every, .must_end = true};
  health_.add("broker", [this] { return try_broker(); }, probe);
  if (host_.store != nullptr) health_.add("store", [this] { return try_store(); }, probe);
  if (relays_) {
    const auto counter = [&](const char* name, const char* help, std::atomic<std::uint64_t>& value) {
      metrics_.counter_of(name, help, {}, [&value] { return number(value); });
    };
    counter("tidings_outbox_relayed_events_total", "Events that the outbox' relay has published.", relayed_.sent);
    counter("tidings_outbox_duplicate_events_total", "Of these, events that the broker had already.",
            relayed_.duplicates);
    counter("tidings_outbox_failed_attempts_total", "Attempts of the relay that the broker refused.", relayed_.failed);
  }
  judge_handlers({});
  judge_relay();
  health_.set("service", HealthStatus::up);
  if (is_wanted_) health_.start();
  is_started_ = true;
  gatherer_.start(how_.gather_every);
  if (is_wanted_) gatherer_.wake();
}

void Operations::begin_stop() {
  health_.set("service", HealthStatus::down, "it is stopping");
}

void Operations::stop() {
  gatherer_.stop();
  if (server_) server_->stop();
  health_.stop();
}

void Operations::add_handler(Handling& handling) {
  const ops::Labels labels{{"handler", handling.name()}};
  const auto counter = [&](const char* name, const char* help, std::uint64_t (*value)(const HandlerStats&)) {
    metrics_.counter_of(name, help, labels, [&handling, value] { return number(value(handling.counts())); });
  };
  using Stats = const HandlerStats&;
  counter("tidings_handled_events_total", "Events that were handled.", [](Stats stats) { return stats.handled; });
  counter("tidings_failed_attempts_total", "Attempts that failed.", [](Stats stats) { return stats.failed; });
  counter("tidings_parked_events_total", "Events that became dead letters.", [](Stats stats) { return stats.parked; });
  counter("tidings_redriven_events_total", "Dead letters that were driven again and handled.",
          [](Stats stats) { return stats.redriven; });
  counter("tidings_ignored_events_total", "Events of types that the handler does not take.",
          [](Stats stats) { return stats.ignored; });
  counter("tidings_expired_events_total", "Events whose time to live was over.",
          [](Stats stats) { return stats.expired; });
  counter("tidings_overrun_attempts_total", "Attempts that ran for longer than their deadline.",
          [](Stats stats) { return stats.overran; });
  metrics_.counter_of("tidings_retries_total", "Attempts that followed one that failed.", labels,
                      [&handling] { return number(handling.retried()); });
}

// What is gathered now and then.

void Operations::gather() {
  if (!is_wanted_) return;
  health_.start();  // once; who asked for it may have come late
  gather_handlers();
  std::string missing;
  const auto note = [&](std::string_view what, const Result<>& gathered) {
    if (!gathered) missing.append(missing.empty() ? "" : "; ").append(what).append(": " + to_string(gathered.error()));
  };
  note("lag", gather_groups());
  note("outbox", gather_outbox());
  note("sagas", gather_sagas());
  judge_keys();
  if (missing.empty()) gathered_ = seconds(host_.clock->now().time_since_epoch());
  health_.set("metrics", missing.empty() ? HealthStatus::up : HealthStatus::degraded, missing);
}

void Operations::gather_handlers() {
  std::vector<ops::Sample> paused, broken, in_hand, ready;
  for (const auto* const handling : handlings_) {
    const ops::Labels labels{{"handler", handling->name()}};
    const auto stats = handling->stats();
    const auto depths = handling->depths();
    paused.push_back({labels, stats.paused ? 1.0 : 0.0});
    broken.push_back({labels, stats.broken ? 1.0 : 0.0});
    in_hand.push_back({labels, number(depths.in_hand)});
    ready.push_back({labels, number(depths.ready)});
  }
  metrics_.gauges("tidings_handler_paused", "1 while the handler is paused.").replace(std::move(paused));
  metrics_.gauges("tidings_handler_broken", "1 while its circuit breaker is open.").replace(std::move(broken));
  metrics_.gauges("tidings_handler_in_hand_events", "Events that were delivered and are not settled.")
      .replace(std::move(in_hand));
  metrics_.gauges("tidings_handler_ready_keys", "Keys whose next event waits for a worker.").replace(std::move(ready));
}

/// What nobody knows is shown no more.
Result<> Operations::gather_groups() {
  const auto looked = audit_.look();
  const auto audited = audit_.last();
  std::vector<ops::Sample> lag, difference, still;
  for (const auto& one : audited) {
    const ops::Labels labels{{"handler", one.handler},
                             {"group", one.group},
                             {"topic", one.topic},
                             {"partition", std::to_string(one.partition.value)}};
    lag.push_back({labels, number(one.pending)});
    difference.push_back({labels, static_cast<double>(one.difference)});
    still.push_back({labels, seconds(one.stands_still)});
  }
  metrics_.gauges("tidings_consumer_lag_events", "Events of the topic that the group has still to come to.")
      .replace(std::move(lag));
  metrics_.gauges("tidings_audit_difference_events", "Events that nobody accounts for: 0, or something is wrong.")
      .replace(std::move(difference));
  metrics_.gauges("tidings_consumer_standstill_seconds", "For so long events wait and the group does not go on.")
      .replace(std::move(still));
  judge_handlers(audited);
  if (!looked && looked.error().code != "unsupported") return looked.error();  // that never is otherwise
  return {};
}

Result<> Operations::gather_outbox() {
  if (relays_) {
    if (const auto relay = relaying_.status()) {
      relayed_.sent = relay->sent;
      relayed_.duplicates = relay->duplicates;
      relayed_.failed = relay->failed;
    }
    judge_relay();
  }
  if (host_.store == nullptr) return {};
  const auto status = outbox::status(*host_.store);
  std::vector<ops::Sample> backlog, oldest, retried, parked;
  if (status) {
    backlog.push_back({{}, number(status->backlog)});
    oldest.push_back({{}, status->oldest ? seconds(*status->oldest) : 0});
    retried.push_back({{}, number(status->retried_keys)});
    parked.push_back({{}, number(status->parked_keys)});
    if (status->parked_keys > 0)
      health_.set("outbox-keys", HealthStatus::degraded,
                  std::to_string(status->parked_keys) +
                      " keys are parked, since the broker refused an event of theirs; tidings outbox list");
    else
      health_.remove("outbox-keys");
    judge_unrelayed(*status);
  }
  metrics_.gauges("tidings_outbox_backlog_events", "Events that wait in the outbox.").replace(std::move(backlog));
  metrics_.gauges("tidings_outbox_oldest_age_seconds", "How long the first of them has waited; 0 where none does.")
      .replace(std::move(oldest));
  metrics_.gauges("tidings_outbox_retried_keys", "Keys whose event is tried again by and by.")
      .replace(std::move(retried));
  metrics_.gauges("tidings_outbox_parked_keys", "Keys that somebody must drive again or drop.")
      .replace(std::move(parked));
  if (!status) return status.error();
  return {};
}

Result<> Operations::gather_sagas() {
  if (sagas_.empty() || host_.store == nullptr) return {};
  const auto counts = saga::count(*host_.store, sagas_, sagas_counted_max, saga::default_tables(), store_wait);
  std::vector<ops::Sample> samples;
  std::string stuck;
  if (counts)
    for (const auto& one : *counts) {
      samples.push_back({{{"saga", one.type}, {"status", std::string(saga::name_of(one.status))}}, number(one.count)});
      if (one.status != saga::Status::stuck || one.count == 0) continue;
      stuck += (stuck.empty() ? "" : ", ") + std::to_string(one.count) + " of " + one.type;
    }
  metrics_.gauges("tidings_saga_instances", "Sagas by their status, 10,000 of each at most.")
      .replace(std::move(samples));
  if (!counts) {
    health_.set("sagas", HealthStatus::down, to_string(counts.error()));
    return counts.error();
  }
  health_.set("sagas", stuck.empty() ? HealthStatus::up : HealthStatus::degraded,
              stuck.empty() ? "" : "stuck, and wait for a person: " + stuck + "; tidings sagas list --status stuck");
  return {};
}

// What is wrong, if anything.

Result<HealthFinding> Operations::try_broker() const {
  const auto asked = host_.broker->topic(probed_topic);
  if (!asked && asked.error().code != "unknown_topic") return asked.error();
  return HealthFinding{};
}

Result<HealthFinding> Operations::try_store() const {
  auto tx = host_.store->begin(store_wait);
  if (!tx && tx.error().code == "busy") return HealthFinding{};  // one that is busy works
  if (!tx) return tx.error();
  if (const auto one = (*tx)->query<std::int64_t>("select 1"); !one) return one.error();
  return HealthFinding{};
}

void Operations::judge_handlers(const std::vector<Audited>& audited) {
  std::string wrong;
  for (const auto* const handling : handlings_) {
    HealthFinding found;
    if (const auto why = handling->state(); !why.empty()) {
      const bool is_broken = handling->stats().broken;
      found = {is_broken ? HealthStatus::down : HealthStatus::degraded, why};
    }
    for (const auto& one : audited) {
      if (one.handler != handling->name()) continue;
      const auto place = one.topic + "/" + std::to_string(one.partition.value);
      if (Audit::is_stalled(one) && found.status != HealthStatus::down) {
        const auto why = found.reason.empty() ? "" : " (" + found.reason + ")";
        // One that was paused stands, as it was told to.
        found = {found.status == HealthStatus::degraded ? HealthStatus::degraded : HealthStatus::down,
                 "stands still on " + place + " for " +
                     to_text(std::chrono::floor<std::chrono::seconds>(one.stands_still)) + why + ", while " +
                     std::to_string(one.pending) + " events wait, and become more"};
      }
      if (one.difference != 0)
        wrong += (wrong.empty() ? "" : "; ") + one.handler + " on " + place + ": " + std::to_string(one.difference) +
                 " events are not accounted for";
    }
    health_.set("handler " + handling->name(), found.status, found.reason);
  }
  if (!handlings_.empty()) health_.set("audit", wrong.empty() ? HealthStatus::up : HealthStatus::down, wrong);
}

/// Who relays for this service is somebody else's to see to, but that nobody does shows here first.
void Operations::judge_unrelayed(const outbox::OutboxStatus& status) {
  constexpr Duration patience = std::chrono::minutes{1};
  if (relays_) return;
  if (status.backlog == 0 || !status.oldest || *status.oldest < patience) return health_.remove("outbox");
  health_.set("outbox", HealthStatus::degraded,
              std::to_string(status.backlog) + " events wait, the first for " +
                  to_text(std::chrono::floor<std::chrono::minutes>(*status.oldest)) +
                  ", and outbox.relay is off here: see that 'tidings outbox relay' runs");
}

void Operations::judge_keys() {
  if (host_.sealing == nullptr) return;
  if (const auto trouble = host_.sealing->trouble(); !trouble.empty())
    health_.set("encryption", HealthStatus::degraded,
                "it keeps the keys that it has, since the file cannot be read, and could not start again: " + trouble);
  else
    health_.remove("encryption");
}

void Operations::judge_relay() {
  if (!relays_) return;
  const auto relay = relaying_.status();
  if (!relay) return health_.set("outbox", HealthStatus::down, "its relay waits for the store");
  const bool runs = relay->state == outbox::RelayStatus::State::running;
  auto why = runs ? std::string{} : std::string(outbox::to_string(relay->state));
  if (!runs && relay->trouble) why += ": " + to_string(*relay->trouble);
  health_.set("outbox", runs ? HealthStatus::up : HealthStatus::down, why);
}

}  // namespace tidings::service
