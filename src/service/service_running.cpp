// How a service starts, runs and ends.
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "service/describing.hpp"
#include "service/rebuilding.hpp"
#include "service/service_impl.hpp"
#include "service/signals.hpp"
#include "tidings/aggregate/schema.hpp"
#include "tidings/broker/in_flight.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/saga/description.hpp"
#include "tidings/service/names.hpp"

namespace tidings {

namespace {

constexpr Duration extend_every_max = std::chrono::seconds{10};
constexpr Duration tick_every_min = std::chrono::milliseconds{100};
constexpr Duration tick_for_deadlines_min = std::chrono::milliseconds{5};
constexpr Duration sweep_every = std::chrono::hours{1};
constexpr Duration tick_every_max = std::chrono::seconds{1};

}  // namespace

Result<Envelope> Service::Impl::ask(std::string_view topic, Envelope envelope, const RequestOptions& options) {
  const auto until = deadline_after(std::chrono::steady_clock::now(), options.deadline);
  const auto replies = requests_.listen();
  if (!replies) return replies.error();
  envelope.headers.set(reply_topic_header, *replies);
  if (options.expires)
    envelope.headers.set(expiry_header, to_rfc3339(detail::time_after(host_.clock->now(), options.deadline)));
  requests_.expect(envelope.id);
  const std::array events{envelope.view()};
  if (auto sent = outgoing_.publish(topic, events, {.wait_max = options.deadline}); !sent) {
    requests_.forget(envelope.id);
    return sent.error();
  }
  auto reply = requests_.wait(envelope.id, until);
  if (!reply) return reply;
  std::string opened;
  const auto plain = sealing_.open(reply->view(), opened);
  if (!plain) return plain.error();
  if (is_sealed(reply->view())) reply = Envelope(*plain);
  return reply;
}

/// Before it begins, instead of at its first event.
Result<> Service::Impl::check_keys() {
  for (const auto& one : registered_)
    for (const auto& kind : one.handler->kinds())
      if (kind.encrypted) sealing_.add_encrypted_type(kind.type);
  for (const auto& one : published())
    if (one.kind->encrypted) sealing_.add_encrypted_type(one.kind->type);
  for (const auto& one : requested_)
    for (const auto* kind : one.replies)
      if (kind->encrypted) sealing_.add_encrypted_type(kind->type);
  if (!sealing_.keys().empty()) return {};
  for (const auto& one : published())
    if (one.kind->encrypted)
      return Error{"no_key", "it publishes " + std::string(one.kind->type) +
                                 ", which is to be encrypted, and there is no key; set encryption.key_file, or "
                                 "encryption.keys"};
  for (const auto& one : registered_)
    for (const auto& kind : one.handler->kinds())
      if (kind.encrypted)
        host_.say(LogLevel::warning, "handler '" + one.name + "' takes " + std::string(kind.type) +
                                         ", which is encrypted, and there is no key: its events will be parked; set "
                                         "encryption.key_file, or encryption.keys");
  return {};
}

Result<> Service::Impl::start() {
  if (wake_fd_ < 0) return Error{"too_many_files", "no descriptor is left; raise the limit (ulimit -n)"};
  if (auto answers = operations_->open(); !answers) return answers;
  if (!schedules_.empty()) {
    if (auto fine = schedules_.check(); !fine) return fine;
    registered_.push_back({std::string(service::Schedules::handler), {.concurrency = 1}, schedules_.make_handler()});
  }
  if (auto fine = sagas_.check(); !fine) return fine;
  if (auto fine = check_registered(registered_, host_, settings_); !fine) return fine;
  if (auto fine = check_keys(); !fine) return fine;
  if (!sagas_.empty())
    if (auto ready = sagas_.prepare(); !ready) return ready;
  relaying_.prepare_with(tables());
  warn_of_names(registered_, host_);
  for (const auto& one : registered_) {
    for (const auto& kind : one.handler->kinds()) {
      if (kind.type.empty())
        host_.unknown_types.take_all_of(kind.topic);
      else
        host_.unknown_types.take(kind.type);
    }
  }
  if (auto started = relaying_.start(); !started && started.error().retry == Retry::never)
    return Error{started.error().code, "store: " + started.error().message, started.error().retry};
  for (auto& one : registered_) {
    auto handling = std::make_unique<Handling>(host_, one.name, settings_.handler(one.name, one.options),
                                               std::move(one.handler), [this] { keeper_.wake(); });
    if (auto joined = handling->subscribe(); !joined)
      return Error{joined.error().code, "handler '" + one.name + "': " + joined.error().message, joined.error().retry};
    const std::scoped_lock lock(mutex_);
    handlings_.push_back(std::move(handling));
  }
  registered_.clear();
  // After the group has joined, and before anything runs.
  if (!schedules_.empty()) {
    const auto ticks = schedules_.first_ticks();
    if (!ticks) return ticks.error();
    std::vector<EnvelopeView> views;
    for (const auto& tick : *ticks) views.push_back(tick.view());
    if (auto waits = publish(event_topic<service::detail::Tick>(), views); !waits)
      return Error{waits.error().code, "the schedules cannot wait: " + waits.error().message, waits.error().retry};
  }
  if (!handlings_.empty())
    if (auto looked = control_.first_look(); !looked)
      return Error{looked.error().code, "it cannot read what is paused: " + looked.error().message,
                   looked.error().retry};
  for (auto& handling : handlings_) handling->start();
  auto every = extend_every_max;
  for (auto& handling : handlings_) every = std::min(every, handling->options().settle_within / 3);
  extend_every_ = every;
  auto least = tick_every_min;
  for (auto& handling : handlings_) {
    if (handling->options().deadline <= Duration::zero()) continue;
    every = std::min(every, handling->options().deadline / 4);
    least = tick_for_deadlines_min;
  }
  for (auto& handling : handlings_)
    for (const auto& [topic, broker_topic] : handling->group_topics())
      audit_.add({.handler = handling->name(),
                  .group = handling->group(),
                  .topic = topic,
                  .broker_topic = broker_topic,
                  .state = [at = handling.get()] { return at->state(); }});
  if (!handlings_.empty() || host_.store != nullptr)
    steward_.start(std::min<Duration>(service::look_at_control_every, tick_every_max));
  auditor_.start(settings_.duration("audit.every"));
  sagas_.start();
  std::vector<Handling*> handlings;
  for (auto& handling : handlings_) handlings.push_back(handling.get());
  std::vector<std::string> sagas;
  for (const auto& one : definitions_)
    if (std::ranges::find(sagas, one.name()) == sagas.end()) sagas.push_back(one.name());
  operations_->start(std::move(handlings), std::move(sagas),
                     host_.store != nullptr && settings_.boolean("outbox.relay"));
  keeper_.start(std::clamp<Duration>(every, least, tick_every_max));
  return {};
}

std::function<Result<>(Store&)> Service::Impl::tables() const {
  return [has_sagas = !sagas_.empty(), projections = projections_](Store& store) -> Result<> {
    if (has_sagas)
      if (auto made = saga::apply_schema(store); !made) return made;
    for (const auto& one : projections) {
      if (auto made = aggregate::apply_schema(store, one.core->options().names); !made) return made;
      if (auto made = one.core->prepare(store, std::chrono::seconds{30}); !made) return made;
    }
    return {};
  };
}

/// Where a tick has not come that should have, another one waits from now on.
void Service::Impl::look_after_schedules() {
  if (schedules_.empty()) return;
  const auto ticks = schedules_.missing_ticks();
  if (!ticks || ticks->empty()) return;
  std::vector<EnvelopeView> views;
  for (const auto& tick : *ticks) views.push_back(tick.view());
  if (auto waits = publish(event_topic<service::detail::Tick>(), views); !waits)
    host_.say(LogLevel::debug, "schedules could not be looked after: " + to_string(waits.error()));
}

void Service::Impl::look_for_twins() {
  if (host_.instance.empty()) return;
  std::vector<service::Twins::Member> members;
  for (const auto& handling : handlings_) {
    if (handling->options().instances != Instances::each) continue;
    const auto held = handling->held();
    for (const auto& [topic, broker_topic] : handling->group_topics())
      members.push_back({handling->name(), handling->group(), topic, broker_topic, held});
  }
  twins_.look(members);
}

void Service::Impl::look_over() {
  look_for_twins();
  for (auto& handling : handlings_)
    for (int steps = 0; steps < 100 && handling->clean_up(); ++steps) {
    }
  const auto none_wait = [&] {
    return std::ranges::none_of(handlings_, [](const auto& handling) { return handling->has_waiting(); });
  };
  for (int steps = 0; steps < 100 && none_wait() && sagas_.clean_up(); ++steps) {
  }
  const auto looked = audit_.look();
  if (looked) return;
  // Once: a broker that is away is told of by those who need it.
  if (looked.error().code == "unsupported" && !std::exchange(audit_told_, true))
    host_.say(LogLevel::info, "no audit: " + looked.error().message);
}

std::vector<Handling*> Service::Impl::meant_by(const service::PauseRequested& request) const {
  std::vector<Handling*> meant;
  const auto& target = request.target;
  for (const auto& handling : handlings_)
    if (target == host_.service || target == host_.service + "/" + handling->name() ||
        target == group_of(host_.service, handling->name()) ||
        in_namespace(host_.name_space, target) == handling->group())
      meant.push_back(handling.get());
  return meant;
}

std::vector<service::PausedHandler> Service::Impl::paused(const service::PauseRequested& request) const {
  std::vector<service::PausedHandler> all;
  const auto prefix = host_.name_space.empty() ? 0 : host_.name_space.size() + 1;
  for (const auto* const handling : meant_by(request))
    all.push_back({.group = handling->group().substr(prefix),
                   .paused = handling->stats().paused,
                   .partitions = handling->held()});
  return all;
}

std::vector<AttemptsAnswer> Service::Impl::attempts(const service::AttemptsAsked& asked) const {
  std::vector<AttemptsAnswer> all;
  const auto prefix = host_.name_space.empty() ? 0 : host_.name_space.size() + 1;
  for (const auto& handling : handlings_) {
    const auto group = handling->group().substr(prefix);
    if (std::ranges::find(asked.groups, group) == asked.groups.end()) continue;
    auto told = handling->told_of(asked.topic, Partition{asked.partition}, asked.offsets, asked.type);
    if (!told) continue;
    told->group = group;
    all.push_back(std::move(*told));
  }
  return all;
}

void Service::Impl::say_started() const {
  std::string groups;
  for (const auto& handling : handlings_) {
    groups += (groups.empty() ? "" : ", ") + handling->name();
  }
  const auto where =
      owned_broker_ ? service::without_password(settings_.text("broker")) : "a broker that the program opened";
  const auto store = owned_store_ ? ", store " + service::without_password(settings_.text("store")) : "";
  host_.say(LogLevel::info, "started on " + where + store +
                                (host_.name_space.empty() ? "" : " in namespace " + host_.name_space) +
                                (groups.empty() ? ", without handlers" : ", handlers: " + groups));
}

void Service::Impl::tick() {
  // The vector does not change while the keeper runs.
  for (auto& handling : handlings_) {
    handling->flush();
    handling->watch();
  }
  const auto now = std::chrono::steady_clock::now();
  outgoing_.look_after_delays(SteadyTime{now});
  sealing_.look(SteadyTime{now}, host_);
  if (SteadyTime{now} - swept_ >= sweep_every) {
    swept_ = now;
    if (const auto removed = claims_.sweep(); removed > 0)
      host_.say(LogLevel::info, "removed " + std::to_string(removed) + " payloads that are kept no longer");
  }
  if (SteadyTime{now} - extended_ < extend_every_) return;
  extended_ = now;
  for (auto& handling : handlings_) handling->extend();
}

std::string Service::Impl::claims_keep() const {
  const auto keep = settings_.duration("claim_check.keep");
  return settings_.text("claim_check.folder").empty() || keep <= Duration::zero() ? "" : to_text(keep);
}

ServiceDescription Service::Impl::describe() const {
  ServiceDescription told{.service = host_.service,
                          .broker = is_of_url_ ? service::without_password(settings_.text("broker")) : "",
                          .store = is_store_of_url_ ? service::without_password(settings_.text("store")) : "",
                          .relays = settings_.boolean("outbox.relay") && (is_store_of_url_ || host_.store != nullptr),
                          .inbox_window = is_store_of_url_ || host_.store != nullptr ? to_text(host_.inbox_window) : "",
                          .claims_keep = claims_keep(),
                          .name_space = host_.name_space,
                          .middleware = {},
                          .handlers = {},
                          .schedules = schedules_.describe(),
                          .sagas = {},
                          .projections = {},
                          .publishes = service::describe(published()),
                          .encryption = {.key = std::string(sealing_.keys().sealing_id()),
                                         .opens = sealing_.keys().ids(),
                                         .types = sealing_.types()},
                          .requests = {}};
  for (const auto& one : host_.middleware) told.middleware.push_back(one.name);
  for (const auto& one : registered_)
    told.handlers.push_back(
        service::describe(one, settings_.handler(one.name, one.options), host_, settings_.text("claim_check.folder")));
  for (const auto& definition : definitions_) told.sagas.push_back(saga::describe(definition));
  for (const auto& one : projections_) {
    const auto& options = one.core->options();
    auto& made = told.projections.emplace_back(ServiceDescription::Projection{
        .name = one.core->name(), .version = options.version, .topic = one.core->topic(), .tables = {}});
    for (const auto& table : options.tables) made.tables.push_back(table.name);
  }
  for (const auto& one : requested_) told.requests.push_back(service::describe(one, host_));
  const auto by_setting = [&](auto& event) { event.encrypted = event.encrypted || sealing_.names_type(event.type); };
  for (auto& handler : told.handlers) std::ranges::for_each(handler.events, by_setting);
  std::ranges::for_each(told.publishes, by_setting);
  for (auto& request : told.requests) {
    by_setting(request.event);
    std::ranges::for_each(request.replies, by_setting);
  }
  return told;
}

/// As far as is known.
std::vector<service::Published> Service::Impl::published() const {
  auto all = published_;
  for (const auto& definition : definitions_) service::add_sent_kinds(definition, all);
  return all;
}

/// What was said of handlers for whoever reads descriptions.
Result<> Service::Impl::check_told() const {
  std::vector<std::string> names;
  for (const auto& one : registered_) names.push_back(one.name);
  for (const auto& one : published_) {
    if (one.handler.empty() || std::ranges::find(names, one.handler) != names.end()) continue;
    const auto meant = nearest(one.handler, names);
    return Error{"unknown_handler", "publishes<…>(\"" + one.handler + "\"): there is no such handler" +
                                        (meant.empty() ? "" : "; '" + std::string(meant) + "' may be meant")};
  }
  return {};
}

int Service::Impl::print_diagrams() const {
  if (auto fine = sagas_.check(); !fine) {
    service::complain(host_.service, fine.error());
    return 1;
  }
  for (const auto& definition : definitions_) std::printf("%s\n", saga::to_mermaid(saga::describe(definition)).c_str());
  return 0;
}

int Service::Impl::print_description() const {
  std::string line;
  auto fine = sagas_.check();
  if (fine) fine = check_registered(registered_, host_, settings_);
  if (fine) fine = check_told();
  if (fine) fine = JsonCodec::encode(describe(), line);
  if (!fine) {
    service::complain(host_.service, fine.error());
    return fine.error().code == "invalid_setting" ? 2 : 1;
  }
  std::vector<const detail::EventKind*> kinds;
  for (const auto& one : published()) kinds.push_back(one.kind);
  for (const auto& one : requested_) {
    kinds.push_back(one.kind);
    kinds.insert(kinds.end(), one.replies.begin(), one.replies.end());
  }
  for (const auto& one : registered_)
    if (one.handler->decodes())
      for (const auto& kind : one.handler->kinds()) kinds.push_back(&kind);
  line.insert(line.size() - 1, ",\"schemas\":" + service::schemas_of(kinds));
  std::puts(line.c_str());
  return 0;
}

int Service::Impl::rebuild() {
  const service::Signals signals(wake_fd_);
  const auto found = std::ranges::find(projections_, *settings_.rebuild(),
                                       [](const auto& one) -> const std::string& { return one.core->name(); });
  Result<> done;
  if (found == projections_.end()) {
    std::vector<std::string> known;
    for (const auto& one : projections_) known.push_back(one.core->name());
    done = service::unknown_projection(*settings_.rebuild(), known);
  } else if (host_.store == nullptr) {
    done = Error{"no_store",
                 "a projection is kept in the service's store; name it, as --store sqlite:./" + host_.service + ".db"};
  } else if (wake_fd_ < 0) {
    done = Error{"too_many_files", "no descriptor is left; raise the limit (ulimit -n)"};
  } else {
    done = service::rebuild_projection(host_, *found, settings_.anew(), wake_fd_);
  }
  if (!done) host_.say(LogLevel::error, printable(done.error().message));
  if (owned_broker_) (void)owned_broker_->close(std::chrono::seconds{1});
  return done ? 0 : 1;
}

int Service::Impl::run() {
  if (ran_.exchange(true)) {
    host_.say(LogLevel::error, "a service runs once, and this one has; make another");
    return 1;
  }
  if (settings_.describe()) return settings_.diagrams() ? print_diagrams() : print_description();
  if (settings_.rebuild()) return rebuild();
  const service::Signals signals(wake_fd_);
  if (auto started = start(); !started) {
    const auto& error = started.error();
    host_.say(LogLevel::error, error.message + (error.retry == Retry::never
                                                    ? ""
                                                    : "; it has not started, and ends: start it again, by hand or by "
                                                      "what watches over it"));
    sagas_.stop();
    relaying_.stop();
    steward_.stop();
    auditor_.stop();
    keeper_.stop();
    operations_->stop();
    return started.error().code == "invalid_setting" ? 2 : 1;
  }
  say_started();

  pollfd wake{.fd = wake_fd_, .events = POLLIN, .revents = 0};
  while (poll(&wake, 1, -1) <= 0) {
  }

  const auto until = std::chrono::steady_clock::now() + settings_.duration("drain");
  host_.say(LogLevel::info, "stops: takes nothing new, finishes what runs");
  operations_->begin_stop();
  for (auto& handling : handlings_) handling->begin_stop();
  sagas_.stop();
  requests_.stop();
  host_.stop.request_stop();
  bool ended = true;
  for (auto& handling : handlings_) ended = handling->wait_ended(until) && ended;
  if (!ended) {
    host_.say(LogLevel::error, "did not stop within " + std::string(settings_.text("drain")));
    for (const auto& handling : handlings_)
      for (const auto& line : handling->running())
        host_.say(LogLevel::error, line + "; the process does not wait for it, and what was in hand comes again");
    std::fflush(nullptr);
    _exit(1);  // a thread that blocks cannot be ended otherwise, and must not see what main destroys
  }
  steward_.stop();
  auditor_.stop();
  keeper_.stop();
  operations_->stop();
  relaying_.stop();
  outgoing_.close();
  tracer_->stop();
  if (owned_broker_) {
    const auto left = std::max<Duration>(until - std::chrono::steady_clock::now(), std::chrono::seconds{1});
    if (auto closed = owned_broker_->close(left); !closed)
      host_.say(LogLevel::warning, "the broker did not close well: " + to_string(closed.error()));
  }
  host_.say(LogLevel::info, "stopped");
  return 0;
}

}  // namespace tidings
