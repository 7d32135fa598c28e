#pragma once

#include <unistd.h>

#include <atomic>
#include <cassert>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "service/audit.hpp"
#include "service/control.hpp"
#include "service/describing.hpp"
#include "service/handling.hpp"
#include "service/json_log.hpp"
#include "service/keeper.hpp"
#include "service/operations.hpp"
#include "service/outgoing.hpp"
#include "service/registrations.hpp"
#include "service/relaying.hpp"
#include "service/requests.hpp"
#include "service/sagas.hpp"
#include "service/schedules.hpp"
#include "service/settings.hpp"
#include "service/tracing.hpp"
#include "service/twins.hpp"
#include "tidings/aggregate/projection.hpp"
#include "tidings/base/text.hpp"
#include "tidings/service/service.hpp"

namespace tidings {

using service::Handling;
using service::Settings;

namespace service {
/// On standard error, before there is a log.
void complain(std::string_view name, const Error& error);
}  // namespace service

/// What a service is made of, and how it runs. What is public is as in `Service`.
class Service::Impl {
 public:
  Impl(const ServiceOptions& options, Settings settings);

  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<> open(const std::string& url);

  Result<> open_own_store();
  Result<> open_claims() const;
  Result<> open_keys();

  void add(std::string_view name, const HandlerOptions& options, std::unique_ptr<service::detail::Handler> handler) {
    assert(!ran_ && "handlers come before run");
    registered_.push_back({std::string(name), options, std::move(handler)});
  }

  void add_saga(std::vector<saga::Definition> versions, const HandlerOptions& options) {
    if (versions.empty()) return;
    const auto name = "saga-" + versions.front().name();
    definitions_.insert(definitions_.end(), versions.begin(), versions.end());
    add(name, options, sagas_.add(std::move(versions)));
  }

  void add_published(service::Published published) { published_.push_back(std::move(published)); }
  void add_requested(service::Requested requested) { requested_.push_back(std::move(requested)); }
  void add_projection(const aggregate::detail::AnyProjection& made) {
    assert(!ran_ && "projections come before run");
    projections_.push_back(made);
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
  [[nodiscard]] std::string claims_keep() const;  ///< as a description tells it
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
  [[nodiscard]] const service::Sealing& sealing() const { return sealing_; }

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
  ops::Tracer& tracer() { return *tracer_; }
  void trace(const std::vector<SettingValue>& variables);
  service::Operations& operations() { return *operations_; }

 private:
  static Error unknown_handler(std::string_view name) {
    return {"unknown_handler", "no handler '" + printable(name) + "' runs in this service"};
  }
  Result<> start();
  int print_description() const;
  int print_diagrams() const;
  [[nodiscard]] std::vector<service::Published> published() const;
  [[nodiscard]] Result<> check_told() const;
  [[nodiscard]] Result<> check_keys();
  int rebuild();
  /// The tables of what a service keeps in its store, beside the outbox's.
  [[nodiscard]] std::function<Result<>(Store&)> tables() const;
  void tick();
  void look_over();
  void look_for_twins();
  void look_after_schedules();
  void say_started() const;
  [[nodiscard]] std::vector<Handling*> meant_by(const service::PauseRequested& request) const;
  [[nodiscard]] std::vector<service::PausedHandler> paused(const service::PauseRequested& request) const;
  [[nodiscard]] std::vector<AttemptsAnswer> attempts(const service::AttemptsAsked& asked) const;

  Settings settings_;
  service::SharedEntropy entropy_;
  std::optional<service::JsonLog> json_log_;
  service::Host host_;
  std::unique_ptr<Broker> owned_broker_;
  std::unique_ptr<Store> owned_store_;
  bool is_of_url_ = false;
  bool is_store_of_url_ = false;
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
  service::Sealing sealing_;
  service::Outgoing outgoing_{host_, sealing_, claims_};
  service::Schedules schedules_{host_};
  service::Sagas sagas_{host_};
  std::vector<saga::Definition> definitions_;
  std::vector<aggregate::detail::AnyProjection> projections_;
  std::vector<service::Published> published_;  // that the program tells of
  std::vector<service::Requested> requested_;
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
                             .paused = [this](const service::PauseRequested& request) { return paused(request); },
                             .attempts = [this](const service::AttemptsAsked& asked) { return attempts(asked); }}};
  std::unique_ptr<ops::Tracer> tracer_ = std::make_unique<ops::Tracer>();
  std::optional<service::Tracing> tracing_;
  service::Relaying relaying_;
  std::optional<service::Operations> operations_;
  service::Keeper keeper_;
  service::Keeper auditor_{[this] { look_over(); }};
  // By itself: a server that is away keeps it for seconds, in which what handlers have in hand must be extended.
  service::Keeper steward_{[this] {
    (void)relaying_.start();
    control_.look();
    look_after_schedules();
  }};
};

}  // namespace tidings
