#include "tidings/service/service.hpp"

#include <malloc.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "service/audit.hpp"
#include "service/control.hpp"
#include "service/describing.hpp"
#include "service/handling.hpp"
#include "service/json_log.hpp"
#include "service/keeper.hpp"
#include "service/outgoing.hpp"
#include "service/registrations.hpp"
#include "service/relaying.hpp"
#include "service/requests.hpp"
#include "service/schedules.hpp"
#include "service/settings.hpp"
#include "service/signals.hpp"
#include "service/twins.hpp"
#include "tidings/base/standard_descriptors.hpp"
#include "tidings/base/text.hpp"
#include "tidings/broker/in_flight.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/service/names.hpp"
#include "tidings/stores/open.hpp"

namespace tidings {

namespace {

using service::Handling;
using service::Settings;

constexpr Duration extend_every_max = std::chrono::seconds{10};
constexpr Duration tick_every_min = std::chrono::milliseconds{100};
constexpr Duration tick_for_deadlines_min = std::chrono::milliseconds{5};
constexpr Duration sweep_every = std::chrono::hours{1};
constexpr Duration tick_every_max = std::chrono::seconds{1};

LogLevel level_of(std::string_view text) {
  if (text == "debug") return LogLevel::debug;
  if (text == "warning") return LogLevel::warning;
  return text == "error" ? LogLevel::error : LogLevel::info;
}

void complain(std::string_view name, const Error& error) {
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(name.size()), name.data(), printable(error.message).c_str());
}

}  // namespace

class Service::Impl {
 public:
  Impl(const ServiceOptions& options, Settings settings)
      : settings_(std::move(settings)),
        entropy_(*options.entropy),
        claims_(std::string(settings_.text("claim_check.folder")), settings_.whole("claim_check.above"),
                settings_.duration("claim_check.keep"), *options.clock),
        relaying_(host_, settings_.boolean("outbox.relay")),
        keeper_([this] { tick(); }) {
    host_.service = options.name;
    host_.name_space = settings_.text("namespace");
    host_.clock = options.clock;
    host_.entropy = &entropy_;
    const auto least = level_of(settings_.text("log_level"));
    if (options.log == nullptr && settings_.text("log_format") == "json") json_log_.emplace(options.name, least);
    host_.log = json_log_ ? &*json_log_ : options.log != nullptr ? options.log : &stderr_log(least);
    host_.publisher = &outgoing_;
    host_.create_topics = settings_.boolean("create_topics");
    host_.instance = settings_.text("instance");
    host_.claims = &claims_;
    host_.broker = options.broker;
    host_.store = options.store;
    host_.relaying = &relaying_;
    host_.inbox_window = settings_.duration("inbox.window");
    is_of_url_ = options.broker == nullptr;
    wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  }

  ~Impl() {
    steward_.stop();
    auditor_.stop();
    keeper_.stop();
    host_.stop.request_stop();
    requests_.stop();
    handlings_.clear();
    relaying_.stop();
    if (wake_fd_ >= 0) close(wake_fd_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<> open(const std::string& url) {
    const auto open_at = [&](const std::string& at, bool create_topics) {
      return open_broker(at, {.create_topics = create_topics, .clock = host_.clock, .log = host_.log});
    };
    if (host_.broker == nullptr) {
      auto opened = open_at(url, host_.create_topics);
      if (!opened) return opened.error();
      owned_broker_ = std::move(*opened);
      host_.broker = owned_broker_.get();
    }
    if (auto opened = open_own_store(); !opened) return opened;
    if (auto ready = open_claims(); !ready) return ready;
    const std::string schedule(settings_.text("schedule.broker"));
    if (schedule.empty() || settings_.describe()) return outgoing_.open(nullptr);
    auto opened = open_at(schedule, true);
    if (!opened) return Error{opened.error().code, "schedule.broker: " + opened.error().message, opened.error().retry};
    return outgoing_.open(std::move(*opened));
  }

  Result<> open_own_store() {
    const auto url = settings_.text("store");
    if (host_.store != nullptr || url.empty() || settings_.describe()) return {};
    auto opened = open_store(url, {.clock = host_.clock, .log = host_.log});
    if (!opened) return Error{opened.error().code, "store: " + opened.error().message, opened.error().retry};
    owned_store_ = std::move(*opened);
    host_.store = owned_store_.get();
    return {};
  }

  Result<> open_claims() const {
    if (settings_.text("claim_check.folder").empty() || settings_.describe()) return {};
    if (settings_.boolean("claim_check.create")) {
      if (auto made = claims_.create(); !made)
        return Error{made.error().code, "claim_check.folder: " + made.error().message, made.error().retry};
    } else if (auto there = claims_.is_there(); !there) {
      host_.say(LogLevel::warning, "claim_check.folder: " + there.error().message);
    }
    return {};
  }

  void add(std::string_view name, const HandlerOptions& options, std::unique_ptr<service::detail::Handler> handler) {
    assert(!ran_ && "handlers come before run");
    registered_.push_back({std::string(name), options, std::move(handler)});
  }

  Result<std::vector<Audited>> audit() { return audit_.look(); }
  void schedule(std::string_view name, Recurrence when, service::detail::MakeOccurrence make) {
    assert(!ran_ && "schedules come before run");
    schedules_.add(std::string(name), std::move(when), std::move(make));
  }
  void use(std::string_view name, service::detail::RunMiddleware run) {
    assert(!ran_ && "middleware comes before run");
    host_.middleware.push_back({std::string(name), std::move(run)});
  }
  [[nodiscard]] ServiceDescription describe() const;

  int run();
  void stop() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_fd_, &one, sizeof one);
  }

  Result<> publish(std::string_view topic, std::span<const EnvelopeView> events) {
    return outgoing_.publish(topic, events);
  }
  Result<Envelope> ask(std::string_view topic, Envelope envelope, const RequestOptions& options);
  [[nodiscard]] const service::Claims& claims() const { return claims_; }

  [[nodiscard]] Result<HandlerStats> stats(std::string_view name) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& handling : handlings_)
      if (handling->name() == name) return handling->stats();
    return unknown_handler(name);
  }

  Result<> pause(std::string_view name, bool paused) {
    const std::scoped_lock lock(mutex_);
    for (const auto& handling : handlings_) {
      if (handling->name() != name) continue;
      handling->pause(paused, Handling::Pauser::program);
      return {};
    }
    return unknown_handler(name);
  }

  [[nodiscard]] const Settings& settings() const { return settings_; }
  service::Host& host() { return host_; }

 private:
  static Error unknown_handler(std::string_view name) {
    return {"unknown_handler", "no handler '" + printable(name) + "' runs in this service"};
  }
  Result<> start();
  int print_description() const;
  void tick();
  void look_over();
  void look_for_twins();
  void look_after_schedules();
  void say_started() const;
  [[nodiscard]] std::vector<Handling*> meant_by(const service::PauseRequested& request) const;
  [[nodiscard]] std::vector<service::PausedHandler> paused(const service::PauseRequested& request) const;

  Settings settings_;
  service::SharedEntropy entropy_;
  std::optional<service::JsonLog> json_log_;
  service::Host host_;
  std::unique_ptr<Broker> owned_broker_;
  std::unique_ptr<Store> owned_store_;
  bool is_of_url_ = false;
  int wake_fd_ = -1;
  std::atomic<bool> ran_ = false;
  std::vector<service::Registered> registered_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Handling>> handlings_;
  SteadyTime extended_{};
  Duration extend_every_{};
  SteadyTime swept_{};
  bool audit_told_ = false;
  service::Claims claims_;
  service::Outgoing outgoing_{host_, claims_};
  service::Schedules schedules_{host_};
  service::Requests requests_{host_};
  service::Audit audit_{host_};
  service::Twins twins_{host_};
  service::Control control_{host_,
                            {.dead_letters =
                                 [this](const std::string& id, const DeadLetterRequest& request) {
                                   for (auto& handling : handlings_) handling->requested(id, request);
                                 },
                             .pause =
                                 [this](const service::PauseRequested& request, const std::string& why) {
                                   for (auto* const handling : meant_by(request))
                                     handling->pause(request.paused, Handling::Pauser::request, why);
                                 },
                             .paused = [this](const service::PauseRequested& request) { return paused(request); }}};
  service::Relaying relaying_;
  service::Keeper keeper_;
  service::Keeper auditor_{[this] { look_over(); }};
  // By itself: a server that is away keeps it for seconds, in which what handlers have in hand must be extended.
  service::Keeper steward_{[this] {
    (void)relaying_.start();
    control_.look();
    look_after_schedules();
  }};
};

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
  return requests_.wait(envelope.id, until);
}

Result<> Service::Impl::start() {
  if (wake_fd_ < 0) return Error{"too_many_files", "no descriptor is left; raise the limit (ulimit -n)"};
  if (!schedules_.empty()) {
    if (auto fine = schedules_.check(); !fine) return fine;
    registered_.push_back({std::string(service::Schedules::handler), {.concurrency = 1}, schedules_.make_handler()});
  }
  if (auto fine = check_registered(registered_, host_, settings_); !fine) return fine;
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
  keeper_.start(std::clamp<Duration>(every, least, tick_every_max));
  return {};
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
  for (auto& handling : handlings_)
    for (int steps = 0; steps < 100 && handling->clean_up(); ++steps) {
    }
  look_for_twins();
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

void Service::Impl::say_started() const {
  std::string groups;
  for (const auto& handling : handlings_) {
    groups += (groups.empty() ? "" : ", ") + handling->name();
  }
  const auto where =
      owned_broker_ ? service::without_password(settings_.text("broker")) : "a broker that the program opened";
  host_.say(LogLevel::info, "started on " + where +
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
  if (SteadyTime{now} - swept_ >= sweep_every) {
    swept_ = now;
    if (const auto removed = claims_.sweep(); removed > 0)
      host_.say(LogLevel::info, "removed " + std::to_string(removed) + " payloads that are kept no longer");
  }
  if (SteadyTime{now} - extended_ < extend_every_) return;
  extended_ = now;
  for (auto& handling : handlings_) handling->extend();
}

ServiceDescription Service::Impl::describe() const {
  ServiceDescription told{.service = host_.service,
                          .broker = is_of_url_ ? service::without_password(settings_.text("broker")) : "",
                          .name_space = host_.name_space,
                          .middleware = {},
                          .handlers = {},
                          .schedules = schedules_.describe()};
  for (const auto& one : host_.middleware) told.middleware.push_back(one.name);
  for (const auto& one : registered_)
    told.handlers.push_back(
        service::describe(one, settings_.handler(one.name, one.options), host_, settings_.text("claim_check.folder")));
  return told;
}

int Service::Impl::print_description() const {
  std::string line;
  auto fine = check_registered(registered_, host_, settings_);
  if (fine) fine = JsonCodec::encode(describe(), line);
  if (!fine) {
    complain(host_.service, fine.error());
    return fine.error().code == "invalid_setting" ? 2 : 1;
  }
  std::puts(line.c_str());
  return 0;
}

int Service::Impl::run() {
  if (ran_.exchange(true)) {
    host_.say(LogLevel::error, "a service runs once, and this one has; make another");
    return 1;
  }
  if (settings_.describe()) return print_description();
  const service::Signals signals(wake_fd_);
  if (auto started = start(); !started) {
    host_.say(LogLevel::error, started.error().message);
    relaying_.stop();
    steward_.stop();
    auditor_.stop();
    keeper_.stop();
    return started.error().code == "invalid_setting" ? 2 : 1;
  }
  say_started();

  pollfd wake{.fd = wake_fd_, .events = POLLIN, .revents = 0};
  while (poll(&wake, 1, -1) <= 0) {
  }

  const auto until = std::chrono::steady_clock::now() + settings_.duration("drain");
  host_.say(LogLevel::info, "stops: takes nothing new, finishes what runs");
  for (auto& handling : handlings_) handling->begin_stop();
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
  relaying_.stop();
  outgoing_.close();
  if (owned_broker_) {
    const auto left = std::max<Duration>(until - std::chrono::steady_clock::now(), std::chrono::seconds{1});
    if (auto closed = owned_broker_->close(left); !closed)
      host_.say(LogLevel::warning, "the broker did not close well: " + to_string(closed.error()));
  }
  host_.say(LogLevel::info, "stopped");
  return 0;
}

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Service::Service(Service&&) noexcept = default;
Service& Service::operator=(Service&&) noexcept = default;
Service::~Service() = default;

Result<Service> Service::create(ServiceOptions options) {
  if (auto fine = validate_name("service", options.name); !fine) return fine.error();
  auto settings = Settings::make(options.name, options.own);
  if (!settings) return settings.error();
  for (const auto& [name, value] : options.settings)
    if (auto set = settings->set({.path = name, .text = value, .where = name}); !set) return set.error();
  if (!settings->given("broker") && !options.broker_url.empty())
    if (auto set = settings->set({.path = "broker", .text = options.broker_url, .where = "broker_url"}); !set)
      return set.error();
  if (!settings->given("store") && !options.store_url.empty())
    if (auto set = settings->set({.path = "store", .text = options.store_url, .where = "store_url"}); !set)
      return set.error();
  const auto url = std::string(settings->text("broker"));
  auto impl = std::make_unique<Impl>(options, std::move(*settings));
  if (auto opened = impl->open(url); !opened) return opened.error();
  return Service(std::move(impl));
}

Service Service::from_args(const std::string& name, int argc, char** argv, std::vector<Setting> own) {
  if (!keep_standard_descriptors()) std::_Exit(1);
  std::signal(SIGPIPE, SIG_IGN);  // a reader of our log, or a connection, that goes is no reason to die
  mallopt(M_ARENA_MAX, 2);        // an arena for each thread would cost an idle service megabytes
  const auto arguments = std::span<const char* const>(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0);
  auto settings = validate_name("service", name).has_value() ? Settings::read(name, own, arguments, environ)
                                                             : Result<Settings>(validate_name("service", name).error());
  if (!settings) {
    complain(name, settings.error());
    std::exit(2);
  }
  if (settings->help()) {
    std::fputs(settings->help_text().c_str(), stdout);
    std::exit(0);
  }
  const auto url = settings->describe() ? "memory:" : std::string(settings->text("broker"));
  auto impl = std::make_unique<Impl>(ServiceOptions{.name = name}, std::move(*settings));
  if (auto opened = impl->open(url); !opened) {
    complain(name, opened.error());
    std::exit(opened.error().code == "invalid_url" || opened.error().code == "unknown_broker" ||
                      opened.error().code == "unknown_store"
                  ? 2
                  : 1);
  }
  return Service(std::move(impl));
}

void Service::add(std::string_view name, const HandlerOptions& options,
                  std::unique_ptr<service::detail::Handler> handler) {
  impl_->add(name, options, std::move(handler));
}

EnvelopeOptions Service::envelope_options() const {
  auto& host = impl_->host();
  return {.source = host.service, .clock = host.clock, .entropy = host.entropy};
}

Result<> Service::publish_envelopes(std::string_view topic, std::span<const Envelope> events) {
  std::vector<EnvelopeView> views;
  views.reserve(events.size());
  for (const auto& event : events) views.push_back(event.view());
  if (views.empty()) return {};
  return impl_->publish(topic, views);
}

void Service::add_schedule(std::string_view name, Recurrence when, service::detail::MakeOccurrence make) {
  impl_->schedule(name, std::move(when), std::move(make));
}

void Service::add_middleware(std::string_view name, service::detail::RunMiddleware run) {
  impl_->use(name, std::move(run));
}

Result<Envelope> Service::ask(std::string_view topic, Envelope envelope, const RequestOptions& options) {
  return impl_->ask(topic, std::move(envelope), options);
}

Result<std::string> Service::payload(const EnvelopeView& envelope) const {
  if (service::Claims::is_ticket(envelope)) return impl_->claims().redeem(envelope);
  return std::string(envelope.payload);
}

const std::string& Service::name() const {
  return impl_->host().service;
}
std::string_view Service::setting(std::string_view name) const {
  assert(impl_->settings().known(name) && "there is no such setting; from_args and ServiceOptions::own name one's own");
  return impl_->settings().text(name);
}
Broker& Service::broker() {
  return *impl_->host().broker;
}
Store* Service::store() {
  return impl_->host().store;
}
LogSink& Service::log() {
  return *impl_->host().log;
}
Result<std::vector<Audited>> Service::audit() {
  return impl_->audit();
}
ServiceDescription Service::describe() const {
  return impl_->describe();
}
Result<HandlerStats> Service::stats(std::string_view handler) const {
  return impl_->stats(handler);
}
Result<> Service::pause(std::string_view handler) {
  return impl_->pause(handler, true);
}
Result<> Service::resume(std::string_view handler) {
  return impl_->pause(handler, false);
}
int Service::run() {
  return impl_->run();
}
void Service::stop() {
  impl_->stop();
}

}  // namespace tidings
