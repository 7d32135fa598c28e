#include "service/rebuilding.hpp"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "service/payloads.hpp"
#include "tidings/aggregate/rebuild.hpp"
#include "tidings/aggregate/schema.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr auto say_every = 1s;
/// For what may be over soon: a database that begins again, or one that still ends what a killed process has begun.
constexpr auto try_again_for = 10s;
constexpr auto try_again_every = 200ms;

class Telling {
 public:
  Telling(const Host& host, const std::string& name) : host_(host), name_(name) {}

  void progress(const RebuildProgress& at) {
    const auto now = std::chrono::steady_clock::now();
    has_moved_ = true;
    if (now < next_ && at.to_come > 0) return;
    next_ = now + say_every;
    host_.say(LogLevel::info, "projection " + name_ + ": " + std::to_string(at.events) + " events read, " +
                                  std::to_string(at.to_come) + " to come");
  }
  /// Whether a batch was built since it was asked last.
  [[nodiscard]] bool has_moved() { return std::exchange(has_moved_, false); }

 private:
  const Host& host_;
  const std::string& name_;
  std::chrono::steady_clock::time_point next_{};
  bool has_moved_ = false;
};

Result<> prepare(const Host& host, const aggregate::detail::AnyProjection& projection) {
  if (auto made = aggregate::apply_schema(*host.store, projection.core->options().names); !made) return made;
  return projection.core->prepare(*host.store, 30s);
}

Result<Rebuilt> rebuild_once(Host& host, const aggregate::detail::AnyProjection& projection, bool anew,
                             const std::stop_token& stop, Telling& telling) {
  if (auto ready = prepare(host, projection); !ready) return ready.error();
  RebuildOptions options{.name_space = host.name_space,
                         .anew = anew,
                         .payload = [&](const EnvelopeView& event) { return whole_payload(host, event); },
                         .stop = stop,
                         .progress = [&](const RebuildProgress& at) { telling.progress(at); }};
  return aggregate::detail::rebuild(*host.store, *host.broker, *projection.core, projection.apply, options);
}

Result<Rebuilt> rebuild_until(Host& host, const aggregate::detail::AnyProjection& projection, bool anew,
                              const std::stop_token& stop) {
  Telling telling(host, projection.core->name());
  auto until = std::chrono::steady_clock::now() + try_again_for;
  while (true) {
    auto done = rebuild_once(host, projection, anew, stop, telling);
    if (done || done.error().retry != Retry::same_call || stop.stop_requested()) return done;
    if (telling.has_moved()) {
      if (done.error().code == "busy") return done;  // somebody who is alive: of two one gives up
      until = std::chrono::steady_clock::now() + try_again_for;
      anew = false;  // what is there now is this call's
    }
    if (std::chrono::steady_clock::now() > until) return done;
    host.say(LogLevel::debug, "projection " + projection.core->name() + ", again: " + to_string(done.error()));
    std::this_thread::sleep_for(try_again_every);
  }
}

}  // namespace

Error unknown_projection(std::string_view name, std::span<const std::string> known) {
  std::string all;
  for (const auto& one : known) all += (all.empty() ? "" : ", ") + one;
  return {"unknown_projection", "this service keeps no projection '" + printable(name) + "'" +
                                    (all.empty() ? "; none at all" : "; there are " + all)};
}

Result<> rebuild_projection(Host& host, const aggregate::detail::AnyProjection& projection, bool anew, int wake_fd) {
  std::stop_source stop;
  std::atomic<bool> is_over = false;
  Result<Rebuilt> done = Error{"stopped", ""};
  std::jthread builder([&] {
    done = rebuild_until(host, projection, anew, stop.get_token());
    is_over = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_fd, &one, sizeof one);
  });
  pollfd wake{.fd = wake_fd, .events = POLLIN, .revents = 0};
  while (::poll(&wake, 1, -1) <= 0) {
  }
  if (!is_over) stop.request_stop();
  builder.join();
  const auto& name = projection.core->name();
  if (!done)
    return Error{done.error().code,
                 "projection " + name + " was not made anew: " + printable(done.error().message) +
                     (done.error().code == "stopped" ? "" : "; the same command goes on where this one was"),
                 done.error().retry};
  host.say(LogLevel::info, "projection " + name + ": generation " + std::to_string(done->generation) + " serves, of " +
                               std::to_string(done->events) + " events");
  return {};
}

}  // namespace tidings::service
