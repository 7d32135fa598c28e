#include "tidings/service/service.hpp"

#include <malloc.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "service/payloads.hpp"
#include "service/service_impl.hpp"
#include "tidings/base/standard_descriptors.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/stores/open.hpp"

namespace tidings {

namespace {

LogLevel level_of(std::string_view text) {
  if (text == "debug") return LogLevel::debug;
  if (text == "warning") return LogLevel::warning;
  return text == "error" ? LogLevel::error : LogLevel::info;
}

}  // namespace

void service::complain(std::string_view name, const Error& error) {
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(name.size()), name.data(), printable(error.message).c_str());
}

Service::Impl::Impl(const ServiceOptions& options, Settings settings)
    : settings_(std::move(settings)),
      entropy_(*options.entropy),
      claims_(std::string(settings_.text("claim_check.folder")), settings_.whole("claim_check.above"),
              settings_.duration("claim_check.keep"), *options.clock),
      relaying_(host_, {.relays = settings_.boolean("outbox.relay"),
                        .listens = settings_.boolean("outbox.notify"),
                        .lease = settings_.duration("outbox.lease")}),
      keeper_([this] { tick(); }) {
  host_.service = options.name;
  host_.name_space = settings_.text("namespace");
  host_.clock = options.clock;
  host_.entropy = &entropy_;
  const auto least = level_of(settings_.text("log_level"));
  if (options.log == nullptr && settings_.text("log_format") == "json") json_log_.emplace(options.name, least);
  host_.log = json_log_ ? &*json_log_ : options.log != nullptr ? options.log : &stderr_log(least);
  host_.publisher = &outgoing_;
  operations_.emplace(host_, audit_, relaying_,
                      service::Operations::How{.listen = std::string(settings_.text("http.listen")),
                                               .measures = settings_.boolean("metrics.measure"),
                                               .gather_every = settings_.duration("metrics.every")});
  host_.measures = operations_->measures();
  host_.create_topics = settings_.boolean("create_topics");
  host_.instance = settings_.text("instance");
  host_.claims = &claims_;
  host_.sealing = &sealing_;
  host_.broker = options.broker;
  host_.store = options.store;
  host_.relaying = &relaying_;
  host_.inbox_window = settings_.duration("inbox.window");
  host_.sagas_keep = settings_.duration("sagas.keep");
  host_.saga_commands_keep = settings_.duration("sagas.keep_commands");
  host_.tells_stuck_sagas = settings_.boolean("sagas.alerts");
  is_of_url_ = options.broker == nullptr;
  is_store_of_url_ = options.store == nullptr && !settings_.text("store").empty();
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

Service::Impl::~Impl() {
  operations_->stop();
  steward_.stop();
  auditor_.stop();
  keeper_.stop();
  host_.stop.request_stop();
  requests_.stop();
  sagas_.stop();
  handlings_.clear();
  relaying_.stop();
  if (wake_fd_ >= 0) close(wake_fd_);
}

/// A service works without traces, so what is wrong with their settings does not stop it.
void Service::Impl::trace(const std::vector<SettingValue>& variables) {
  std::vector<std::pair<std::string, std::string>> named;
  for (const auto& [name, value] : variables) named.emplace_back(name, value);
  auto options = ops::trace_options(named, host_.service);
  if (!options) return host_.say(LogLevel::warning, "no traces: " + options.error().message);
  if (options->endpoint.empty() || settings_.describe()) return;
  const auto url = settings_.text("broker");
  const std::string system = !is_of_url_                 ? "tidings"
                             : url.starts_with("kafka:") ? "kafka"
                             : url.starts_with("nats:")  ? "nats"
                                                         : "tidings";
  auto made = ops::Tracer::make(std::move(*options), *host_.log, *host_.entropy, *host_.clock);
  if (!made) return host_.say(LogLevel::warning, "no traces: " + made.error().message);
  tracer_ = std::move(*made);
  tracing_.emplace(*tracer_, host_.service, system);
  host_.tracing = &*tracing_;
  auto& metrics = operations_->metrics_unasked();
  auto* const tracer = tracer_.get();
  metrics.counter_of("tidings_trace_exported_spans_total", "Spans that the collector has taken.", {},
                     [tracer] { return static_cast<double>(tracer->counts().exported); });
  constexpr std::string_view dropped = "tidings_trace_dropped_spans_total";
  constexpr std::string_view help = "Spans that were lost: the queue was full, or the collector away.";
  metrics.counter_of(dropped, help, {{"reason", "queue_full"}},
                     [tracer] { return static_cast<double>(tracer->counts().dropped_full); });
  metrics.counter_of(dropped, help, {{"reason", "collector_away"}},
                     [tracer] { return static_cast<double>(tracer->counts().dropped_away); });
}

Result<> Service::Impl::open(const std::string& url) {
  const auto open_at = [&](const std::string& at, bool create_topics) {
    return open_broker(at, {.create_topics = create_topics, .clock = host_.clock, .log = host_.log});
  };
  if (host_.broker == nullptr) {
    auto opened = open_at(url, host_.create_topics);
    if (!opened) return opened.error();
    owned_broker_ = std::move(*opened);
    host_.broker = owned_broker_.get();
    host_.broker_place = broker_place(url);
  }
  if (auto opened = open_own_store(); !opened) return opened;
  if (auto ready = open_claims(); !ready) return ready;
  if (auto ready = open_keys(); !ready) return ready;
  const std::string schedule(settings_.text("schedule.broker"));
  if (schedule.empty() || settings_.describe()) return outgoing_.open(nullptr);
  auto opened = open_at(schedule, true);
  if (!opened) return Error{opened.error().code, "schedule.broker: " + opened.error().message, opened.error().retry};
  return outgoing_.open(std::move(*opened));
}

Result<> Service::Impl::open_own_store() {
  const auto url = settings_.text("store");
  if (host_.store != nullptr || url.empty() || settings_.describe()) return {};
  auto opened = open_store(url, {.clock = host_.clock, .log = host_.log});
  if (!opened) return Error{opened.error().code, "store: " + opened.error().message, opened.error().retry};
  owned_store_ = std::move(*opened);
  host_.store = owned_store_.get();
  return {};
}

Result<> Service::Impl::open_claims() const {
  if (settings_.text("claim_check.folder").empty() || settings_.describe()) return {};
  if (settings_.boolean("claim_check.create")) {
    if (auto made = claims_.create(); !made)
      return Error{made.error().code, "claim_check.folder: " + made.error().message, made.error().retry};
  } else if (auto there = claims_.is_there(); !there) {
    host_.say(LogLevel::warning, "claim_check.folder: " + there.error().message);
  }
  return {};
}

/// What only tells of itself needs no keys, and may be where there are none.
Result<> Service::Impl::open_keys() {
  auto opened = sealing_.open({.keys = std::string(settings_.text("encryption.keys")),
                               .key_file = std::string(settings_.text("encryption.key_file")),
                               .types = std::string(settings_.text("encryption.types")),
                               .refuses_plain = settings_.boolean("encryption.refuse_plain"),
                               .reload = settings_.duration("encryption.reload")});
  return opened || settings_.describe() ? Result<>{} : opened;
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
  impl->trace(options.telemetry);
  if (auto opened = impl->open(url); !opened) return opened.error();
  return Service(std::move(impl));
}

Service Service::from_args(const std::string& name, int argc, char** argv, std::vector<Setting> own) {
  if (!keep_standard_descriptors()) std::_Exit(1);
  std::signal(SIGPIPE, SIG_IGN);  // a reader of our log, or a connection, that goes is no reason to die
  mallopt(M_ARENA_MAX, 2);        // an arena for each thread would cost an idle service megabytes
  // Left alone it raises this to what was once freed, and keeps between small blocks what a large batch took.
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  const auto arguments = std::span<const char* const>(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0);
  auto settings = validate_name("service", name).has_value() ? Settings::read(name, own, arguments, environ)
                                                             : Result<Settings>(validate_name("service", name).error());
  if (!settings) {
    service::complain(name, settings.error());
    std::exit(2);
  }
  if (settings->help()) {
    std::fputs(settings->help_text().c_str(), stdout);
    std::exit(0);
  }
  const auto url = settings->describe() ? "memory:" : std::string(settings->text("broker"));
  auto impl = std::make_unique<Impl>(ServiceOptions{.name = name}, std::move(*settings));
  std::vector<SettingValue> telemetry;
  for (auto** one = environ; one != nullptr && *one != nullptr; ++one)
    if (const std::string_view entry(*one); entry.starts_with("OTEL_") && entry.contains('='))
      telemetry.push_back(
          {std::string(entry.substr(0, entry.find('='))), std::string(entry.substr(entry.find('=') + 1))});
  impl->trace(telemetry);
  if (auto opened = impl->open(url); !opened) {
    service::complain(name, opened.error());
    const auto& code = opened.error().code;
    std::exit(code == "invalid_url" || code == "unknown_broker" || code == "unknown_store" ? 2 : 1);
  }
  return Service(std::move(impl));
}

void Service::add(std::string_view name, const HandlerOptions& options,
                  std::unique_ptr<service::detail::Handler> handler) {
  impl_->add(name, options, std::move(handler));
}

EnvelopeOptions Service::envelope_options() const {
  auto& host = impl_->host();
  EnvelopeOptions options{.source = host.service, .clock = host.clock, .entropy = host.entropy};
  if (host.tracing != nullptr) {
    // In the caller's span, or in a new trace that is sampled or not; events of one call share it.
    static thread_local std::string parent;
    const auto& current = ops::Tracer::current();
    parent = to_string(current.is_valid() ? current : impl_->tracer().begin());
    options.trace_parent = parent;
  }
  return options;
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

void Service::add_saga(std::vector<saga::Definition> versions, const HandlerOptions& options) {
  impl_->add_saga(std::move(versions), options);
}

void Service::add_published(const detail::EventKind& kind, std::string_view handler, std::string_view schedule) {
  impl_->add_published({.kind = &kind, .handler = std::string(handler), .schedule = std::string(schedule)});
}
void Service::add_enqueued(const detail::EventKind& kind) {
  impl_->add_published({.kind = &kind, .handler = {}, .schedule = {}, .by_outbox = true});
}

void Service::add_requested(const detail::EventKind& kind, std::vector<const detail::EventKind*> replies) {
  impl_->add_requested({.kind = &kind, .replies = std::move(replies)});
}

void Service::add_projection(const aggregate::detail::AnyProjection& made) {
  impl_->add_projection(made);
}

void Service::add_middleware(std::string_view name, service::detail::RunMiddleware run) {
  impl_->use(name, std::move(run));
}

Result<Envelope> Service::ask(std::string_view topic, Envelope envelope, const RequestOptions& options) {
  return impl_->ask(topic, std::move(envelope), options);
}

Result<std::string> Service::payload(const EnvelopeView& envelope) const {
  return service::whole_payload(impl_->host(), envelope);
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
const Sealer& Service::sealer() const {
  return impl_->sealing();
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
ops::Tracer& Service::tracer() {
  return impl_->tracer();
}
ops::Metrics& Service::metrics() {
  return impl_->operations().metrics();
}
Service& Service::health(std::string_view name, ops::HealthCheck check, const ops::HealthOptions& options) {
  impl_->operations().health().add(name, std::move(check), options);
  return *this;
}
ops::HealthReport Service::readiness() {
  return impl_->operations().health().look();
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
bool Service::serves() const {
  return !impl_->settings().describe() && !impl_->settings().rebuild();
}
int Service::run() {
  return impl_->run();
}
void Service::stop() {
  impl_->stop();
}

}  // namespace tidings
