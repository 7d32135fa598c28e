#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidings/broker/broker.hpp"
#include "tidings/event/detail/bound_method.hpp"
#include "tidings/ops/health.hpp"
#include "tidings/ops/metrics.hpp"
#include "tidings/ops/trace.hpp"
#include "tidings/saga/definition.hpp"
#include "tidings/service/audit.hpp"
#include "tidings/service/batch.hpp"
#include "tidings/service/description.hpp"
#include "tidings/service/detail/any_handler.hpp"
#include "tidings/service/detail/handler.hpp"
#include "tidings/service/detail/reply.hpp"
#include "tidings/service/detail/tick.hpp"
#include "tidings/service/detail/typed_handler.hpp"
#include "tidings/service/middleware.hpp"
#include "tidings/service/options.hpp"
#include "tidings/service/recurrence.hpp"
#include "tidings/store/store.hpp"

namespace tidings {

template <class F, class... Events>
class Projection;  // tidings/aggregate/projection.hpp
namespace aggregate::detail {
struct AnyProjection;
}

/// A setting of the user's own, known to file, environment and flags like Tidings' own.
struct Setting {
  std::string name;  ///< `stock`: flag `--stock`, key `stock`, environment `TIDINGS_STOCK`
  std::string help;
  std::string fallback;  ///< its value where nobody gives one
  bool secret = false;   ///< never shown, neither by `--help` nor in a message
};

/// A setting and its value, as flags give it: `{"handlers.reserve-stock.concurrency", "8"}`.
struct SettingValue {
  std::string name;
  std::string value;
};

/// What `Service::create` makes a service from: for tests, and for programs that read their settings themselves.
struct ServiceOptions {
  std::string name;
  std::string broker_url = "log:./tidings-data";
  Broker* broker = nullptr;              ///< one that is open already, instead of the URL; it is not closed
  std::string store_url;                 ///< none: no handler takes a transaction
  Store* store = nullptr;                ///< one that is open already, instead of the URL; it is not closed
  std::vector<SettingValue> settings{};  ///< as flags; they override what stands here
  std::vector<Setting> own{};
  /// As the variables `OTEL_…` of the environment, which `from_args` reads itself: `{"OTEL_EXPORTER_OTLP_ENDPOINT",
  /// "http://127.0.0.1:4318"}`.
  std::vector<SettingValue> telemetry{};
  Clock* clock = &system_clock();
  Entropy* entropy = &system_entropy();  ///< need not be thread-safe
  LogSink* log = nullptr;                ///< none: standard error, from the level that settings say
};

/// A process of the application: named handlers over a broker. Events of one key reach a handler one after another in
/// the order of their publication, also over retries; different keys run in parallel. See docs/services.md.
///
/// `on`, `on_any`, `saga`, `projection`, `use`, `every`, `publishes`, `enqueues`, `requests` and `describe` come before
/// `run`, from one thread; everything else is thread-safe. What handlers, middleware and schedules refer to outlives
/// the service.
class Service {
 public:
  /// Reads `NAME.toml` (or `--config FILE`), the environment and the flags, and opens the broker. Prints `NAME: error…`
  /// and exits with 2 where those are wrong, with 1 where the broker does not open, with 0 after `--help`. With
  /// `--describe` no broker is opened: until `run`, `broker()` is one in memory.
  ///
  /// It takes the process for its own: SIGPIPE is ignored from now on; closed standard descriptors get /dev/null, so
  /// that no file of ours gets their numbers; malloc keeps to two arenas (M_ARENA_MAX), since one for each thread would
  /// cost an idle service megabytes, and gives blocks of 128 KiB and more back (M_MMAP_THRESHOLD). `create` does none
  /// of it.
  static Service from_args(const std::string& name, int argc, char** argv, std::vector<Setting> own = {});

  /// Errors: `invalid_name`, `invalid_setting`, those of `open_broker`.
  static Result<Service> create(ServiceOptions options);

  Service(Service&&) noexcept;
  Service& operator=(Service&&) noexcept;
  /// Stops, and waits for what runs.
  ~Service();

  /// A handler, which becomes the group `SERVICE.NAME`. `handler` is called with `(const Event&)`, `(const Event&,
  /// Context&)` or `(const Batch<Event…>&)` and returns void (a throw fails the delivery) or `Result<>`; it is called
  /// by several threads at once, for different keys. A generic or overloaded one names its events: `on<A, B>(…)`.
  ///
  /// One that takes a `Transaction&` behind these gets one of the service's store (setting `store`): what it writes
  /// there, what it publishes, and that the event is handled are committed together once it has succeeded, and only
  /// then the event is acknowledged; so its effects are there once, however often the event comes. It neither commits
  /// nor rolls back; what fails is rolled back. Where the store is away, busy or full the event waits, and no attempt
  /// counts.
  ///
  /// An error whose `retry` is `never` parks the event at once; others, and what is thrown, are tried again.
  template <class... Events, class F>
  Service& on(std::string_view name, HandlerOptions options, F&& handler) {
    auto typed = service::detail::make_handler<Events...>(std::forward<F>(handler));
    if (typed != nullptr) add(name, options, std::move(typed));
    return *this;
  }

  /// As above, with a member function: `on("reserve", {}, &Inventory::reserve, &inventory)`.
  template <class Method, class Object>
    requires std::is_member_function_pointer_v<Method>
  Service& on(std::string_view name, HandlerOptions options, Method method, Object&& object) {
    if constexpr (tidings::detail::binds<Method, Object>()) on(name, options, tidings::detail::bind(method, object));
    return *this;
  }

  /// A handler of whatever comes on the topics, also of types that are not known here: called with `(const
  /// EnvelopeView&, Context&)`, and a `Transaction&` if it wants one, undecoded. For audits, archives and bridges. A
  /// topic is as its events name it, without the namespace. Order is by the events' keys.
  template <class F>
  Service& on_any(std::string_view name, std::vector<std::string> topics, HandlerOptions options, F&& handler) {
    auto made = service::detail::make_any(std::move(topics), std::forward<F>(handler));
    if (made != nullptr) add(name, options, std::move(made));
    return *this;
  }

  /// Puts `middleware`, `Result<>(DeliveryCall&)`, around every attempt of every handler of this service, on the worker
  /// of that attempt; what came first is outermost. For timing, tracing, guards. It stands between the deadline and the
  /// decoding: see docs/services.md, "The order of things". Before `run`.
  ///
  /// `service.use("timing", [&](DeliveryCall& call) -> Result<> { …; auto done = call.next(); …; return done; });`
  template <class F>
  Service& use(std::string_view name, F&& middleware) {
    constexpr bool fits = std::is_invocable_r_v<Result<>, std::decay_t<F>&, DeliveryCall&>;
    static_assert(fits, "tidings: middleware takes tidings::DeliveryCall& and returns tidings::Result<>");
    if constexpr (fits) add_middleware(name, service::detail::RunMiddleware(std::forward<F>(middleware)));
    return *this;
  }

  /// Publishes what `make(TimePoint due)` returns, an event, each time that `when` says; once for all processes of the
  /// service, by one of them. Its id is the same whoever publishes it, should that happen twice. Where the service did
  /// not run when it was due, the last of those times is made up for when it starts. The next time waits durably: where
  /// the broker keeps nothing for later, set `schedule.broker`, else `run` fails with `unsupported`. Another `when`
  /// under the same name replaces it.
  ///
  /// `service.every("nightly-report", tidings::Recurrence::cron("0 3 * * *").or_throw(), [](TimePoint due) { return
  /// ReportDue{…}; });`
  template <class F>
  Service& every(std::string_view name, Recurrence when, F make) {
    using Event = std::remove_cvref_t<std::invoke_result_t<F&, TimePoint>>;
    if constexpr (detail::is_event<Event>) add_published(service::detail::event_kind<Event>, {}, name);
    add_schedule(name, std::move(when), service::detail::make_occurrence(std::move(make)));
    return *this;
  }

  /// Runs a saga (tidings/saga/define.hpp, docs/sagas.md) over the service's store: the handler `saga-NAME` takes its
  /// events, each of which is a transition in the transaction that has its inbox mark, and a thread fires its timers,
  /// those of other processes at most a second late. Several versions of one definition run side by side: each instance
  /// stays with that with which it began. `run` fails with `invalid_saga` where a definition cannot be run, with
  /// `no_store` without one.
  Service& saga(std::vector<tidings::saga::Definition> versions, const HandlerOptions& options = {}) {
    add_saga(std::move(versions), options);
    return *this;
  }
  Service& saga(tidings::saga::Definition definition, const HandlerOptions& options = {}) {
    return saga(std::vector<tidings::saga::Definition>{std::move(definition)}, options);
  }

  /// Keeps a projection (tidings/aggregate/projection.hpp, docs/aggregates.md) in the service's store: a handler of its
  /// name takes its events, each of which is in it once; its tables are made when the service starts. `run` fails with
  /// `no_store` without one, with `invalid_options` where it cannot be kept.
  ///
  /// With the flag `--rebuild NAME` `run` makes it anew from the first event of its topic instead, while services that
  /// run go on with what serves, and returns 0 once the new one serves; or 1, with the old one serving: the same
  /// command goes on where this one was, with `--anew` it begins again. SIGTERM, SIGINT and `stop` end it between two
  /// batches.
  template <class F, class... Events>
  Service& projection(const Projection<F, Events...>& made, const HandlerOptions& options = {}) {
    on<Events...>(made.name(), options, made);
    add_projection(made.any());
    return *this;
  }

  /// Says what a handler publishes, for `describe`: code that publishes cannot be asked.
  /// `service.publishes<StockReserved, StockRejected>("reserve-stock")`; without a name it is published from elsewhere,
  /// by `Service::publish`. Sagas and schedules tell it themselves. Nothing depends on it but what is described; a
  /// handler that is not there is `unknown_handler` there.
  template <class... Events>
  Service& publishes(std::string_view handler = {}) {
    (add_published(service::detail::event_kind<Events>, handler, {}), ...);
    return *this;
  }

  /// As `publishes`, of events that go into the outbox in a transaction outside of handlers: by `outbox::enqueue`, or
  /// by a repository of aggregates. `service.enqueues<OrderPlaced>()`. What a handler with a `Transaction&` publishes
  /// goes there anyhow.
  template <class... Events>
  Service& enqueues() {
    (add_enqueued(service::detail::event_kind<Events>), ...);
    return *this;
  }

  /// Says what is asked by `request`, and what answers it, for `describe`. `service.requests<Quote, Quoted,
  /// Refused>()`.
  template <class Event, class... Replies>
  Service& requests() {
    add_requested(service::detail::event_kind<Event>, {&service::detail::event_kind<Replies>...});
    return *this;
  }

  /// The handler begins nothing any more, in this process, until `resume`; what runs goes on, its attempts that follow
  /// at once too, what was fetched waits in order, and its partitions stay with it. Error `unknown_handler` (never),
  /// also before `run`.
  Result<> pause(std::string_view handler);
  Result<> resume(std::string_view handler);

  /// Publishes from outside a handler, with a new correlation and trace; durable, as its topic is, when it returns.
  /// Errors: what encoding says, and `Broker::publish`.
  template <class Event>
  Result<> publish(const Event& event) {
    return publish_all(std::span<const Event>(&event, 1));
  }

  /// As `publish`, but when that time has come, by the clock of the service that does it; later where none runs. It is
  /// durable when this returns, and keeps its id; a crash may publish it twice. What is due now or before is published
  /// at once. Its time to live, if it has one, counts from then. Errors: `unsupported` (never) where the broker keeps
  /// nothing for later and `schedule.broker` is not set, `invalid_event` (never) for a time too far away, and those of
  /// `publish`.
  template <class Event>
  Result<> publish_at(const Event& event, TimePoint due) {
    if constexpr (detail::is_event<Event>) {
      auto envelope = make_envelope(event, envelope_options());
      if (!envelope) return envelope.error();
      detail::set_due<Event>(*envelope, due);
      return publish_envelopes(event_topic<Event>(), std::span<const Envelope>(&*envelope, 1));
    } else {
      (void)detail::RefusedEvent<Event>{};
      return {};
    }
  }
  /// The same, so long after now.
  template <class Event>
  Result<> publish_after(const Event& event, Duration wait) {
    return publish_at(event, detail::time_after(envelope_options().clock->now(), wait));
  }

  /// As one batch, in order.
  template <class Event>
  Result<> publish_all(std::span<const Event> events) {
    if constexpr (detail::is_event<Event>) {
      std::vector<Envelope> envelopes;
      envelopes.reserve(events.size());
      const auto options = envelope_options();
      for (const auto& event : events) {
        auto envelope = make_envelope(event, options);
        if (!envelope) return envelope.error();
        envelopes.push_back(std::move(*envelope));
      }
      return publish_envelopes(event_topic<Event>(), envelopes);
    } else {
      (void)detail::RefusedEvent<Event>{};
      return {};
    }
  }
  template <class Event>
  Result<> publish_all(const std::vector<Event>& events) {
    return publish_all(std::span<const Event>(events));
  }

  /// Publishes `event` and waits for what a handler of another service, or of this one, gives to `Context::reply`, in
  /// whatever process. `Reply` is an event type, or a `std::variant` of some. Works over any broker; replies come on
  /// the topic `SERVICE.replies`, which keeps them for an hour. To be called after `run` has begun or before, but not
  /// by a handler on whose worker the reply depends.
  ///
  /// Errors: `no_reply` (same call: the event was published all the same, and may be handled), `unexpected_reply`
  /// (never), what decoding says, and those of `publish`.
  template <class Reply, class Event>
  Result<Reply> request(const Event& event, const RequestOptions& options = {}) {
    auto envelope = make_envelope(event, envelope_options());
    if (!envelope) return envelope.error();
    auto come = ask(event_topic<Event>(), std::move(*envelope), options);
    if (!come) return come.error();
    return service::detail::read_reply<Reply>(come->view());
  }

  /// The payload of an event that may be one of a claim check, where it stands or from its folder, opened where it is
  /// sealed: for `on_any`, whose events come as they are. Errors: `claim_missing` (same call), `claim_damaged`,
  /// `no_claim_folder` (never), those of `Keyring::open`.
  [[nodiscard]] Result<std::string> payload(const EnvelopeView& envelope) const;

  /// Publishes events that are encoded already, under their own ids, into the topic as it is called in the service's
  /// namespace; as one batch, otherwise as `publish`.
  Result<> publish_envelopes(std::string_view topic, std::span<const Envelope> events);

  [[nodiscard]] const std::string& name() const;
  /// The value of one of the service's own settings, or of Tidings' (`namespace`). A name that is neither is a bug, and
  /// asserts.
  [[nodiscard]] std::string_view setting(std::string_view name) const;
  /// What the service runs over: `ServiceOptions::broker`, or its own, which lives as long as the service and is closed
  /// when `run` returns.
  [[nodiscard]] Broker& broker();
  /// `ServiceOptions::store`, or its own, which lives as long as the service; null without one.
  [[nodiscard]] Store* store();
  /// Seals what is to be encrypted as the service does, by its settings: for `EnqueueOptions::sealer` and
  /// `RepositoryOptions::sealer`. Lives as long as the service.
  [[nodiscard]] const Sealer& sealer() const;
  /// Where the service logs: `ServiceOptions::log`, or its own, which lives as long as the service.
  [[nodiscard]] LogSink& log();
  /// Looks now whether every event of the handlers' groups is accounted for, as the service does by itself every
  /// `audit.every` (30 s), when it logs what does not add up and what stands still. Errors: `unsupported` (never) where
  /// the broker does not count exactly, and the broker's.
  [[nodiscard]] Result<std::vector<Audited>> audit();
  /// What this process measures of itself, and what the program adds: `service.metrics().counter("shop_mails_total",
  /// "Mails that were sent.")`. Answered at `/metrics`, where the setting `http.listen` says. Lives as long as the
  /// service.
  [[nodiscard]] ops::Metrics& metrics();
  /// For spans of the program's own: `ops::Span span(service.tracer(), "charge card")`. Off unless a collector is
  /// named.
  [[nodiscard]] ops::Tracer& tracer();
  /// A check of the program's own beside those of broker, store, handlers, audit, outbox and sagas; see
  /// `ops::Health::add`. Answered at `/readyz`.
  Service& health(std::string_view name, ops::HealthCheck check, const ops::HealthOptions& options = {});
  /// What `/readyz` answers.
  [[nodiscard]] ops::HealthReport readiness();
  /// What it is made of, settings included: handlers, what is done with an event and in which order, schedules. Before
  /// `run`; what the flag `--describe` prints.
  [[nodiscard]] ServiceDescription describe() const;
  /// Error `unknown_handler`.
  [[nodiscard]] Result<HandlerStats> stats(std::string_view handler) const;

  /// Runs the handlers until SIGTERM, SIGINT or `stop`; then takes nothing new, lets what runs finish within the
  /// setting `drain` (30 s), settles, closes the broker. The exit status: 0, or 1 where it could not start; also where
  /// it was called before, since a service runs once.
  ///
  /// With the flag `--describe` it prints `describe()` as one line of JSON, with `schemas`, the JSON Schema of each
  /// event by `TYPE/VERSION`, and returns 0; or 1 where the service would not start. `--describe=mermaid` prints its
  /// sagas as diagrams.
  ///
  /// Where a handler still runs after that time, its name is logged and the process exits with 1 at once, by `_exit`: a
  /// thread that blocks cannot be ended otherwise. A second signal ends the process at once with 128 + its number.
  int run();
  /// Whether `run` will handle events: not with `--describe` and `--rebuild`, where it does that and returns. What
  /// listens, or works, beside the service is started only where it does: a rebuild runs beside a service that has the
  /// port.
  [[nodiscard]] bool serves() const;
  /// As SIGTERM. Before `run` it makes that return at once.
  void stop();

  class Impl;

 private:
  explicit Service(std::unique_ptr<Impl> impl);
  void add(std::string_view name, const HandlerOptions& options, std::unique_ptr<service::detail::Handler> handler);
  void add_saga(std::vector<tidings::saga::Definition> versions, const HandlerOptions& options);
  void add_published(const tidings::detail::EventKind& kind, std::string_view handler, std::string_view schedule);
  void add_enqueued(const tidings::detail::EventKind& kind);
  void add_requested(const tidings::detail::EventKind& kind, std::vector<const tidings::detail::EventKind*> replies);
  void add_projection(const tidings::aggregate::detail::AnyProjection& made);
  void add_middleware(std::string_view name, service::detail::RunMiddleware run);
  void add_schedule(std::string_view name, Recurrence when, service::detail::MakeOccurrence make);
  [[nodiscard]] EnvelopeOptions envelope_options() const;
  Result<Envelope> ask(std::string_view topic, Envelope envelope, const RequestOptions& options);

  std::unique_ptr<Impl> impl_;
};

}  // namespace tidings
