#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "service/attempt_events.hpp"
#include "service/host.hpp"
#include "service/pause_events.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::service {

/// How often a service looks whether anything is asked of it. Tests change it.
inline std::atomic<Duration> look_at_control_every{std::chrono::seconds{2}};

/// What a service is asked for while it runs, by the topic `tidings.control` of its namespace: reads it from its
/// beginning, and then what comes. Where there is no such topic it costs a look every two seconds
/// (`look_at_control_every`), and nothing is created. A call may take as long as a broker that is away. Not
/// thread-safe.
class Control {
 public:
  struct Obeys {
    std::function<void(const std::string& id, const DeadLetterRequest& request)> dead_letters;
    /// Pauses those of the handlers that are meant, or has them go on.
    std::function<void(const PauseRequested& request, const std::string& why)> pause;
    /// Those that are meant, and how they are now.
    std::function<std::vector<PausedHandler>(const PauseRequested& request)> paused;
    /// What the handlers that are meant make of events.
    std::function<std::vector<AttemptsAnswer>(const AttemptsAsked& asked)> attempts;
  };

  Control(Host& host, Obeys obeys) : host_(host), obeys_(std::move(obeys)) {}

  /// What stands there when the service starts, before it handles anything: what was paused before is. Requests to do
  /// something, and answers, wait for the first `look`. Errors: the broker's.
  Result<> first_look();
  /// Gives on what has come; looks no more often than that.
  void look();

 private:
  void read();
  void take(const Delivery& delivery, bool is_new);
  /// Of those that stand there when the service starts: what was taken back counts for nothing.
  void obey_what_stands();
  void obey(const std::string& id, const PauseRequested& request, TimePoint time, bool is_new);
  struct Standing {
    std::string id;
    PauseRequested request;
    TimePoint time;
  };
  struct Unanswered {
    std::string id;
    PauseRequested request;
  };
  /// Whether it is answered now; who has just joined waits a little for its partitions.
  bool answer(const Unanswered& one);
  void tell(const std::string& id, const AttemptsAsked& asked);
  template <class Told>
  void publish(Told told, const std::string& request);

  Host& host_;
  const Obeys obeys_;
  std::string topic_;
  std::unique_ptr<Consumer> reader_;
  std::vector<Offset> next_;  // by partition: what was read is before it
  std::vector<std::pair<std::string, DeadLetterRequest>> waiting_;
  std::vector<Standing> standing_;
  std::vector<Unanswered> unanswered_;
  SteadyTime started_{};
  SteadyTime look_again_{};
  bool in_trouble_ = false;
};

}  // namespace tidings::service
