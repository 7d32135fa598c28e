#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "service/host.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::service {

/// How often a service looks whether anything is asked of it. Tests change it.
inline std::atomic<Duration> look_at_control_every{std::chrono::seconds{2}};

/// What a service is asked for while it runs, by the topic `tidings.control` of its namespace: reads it from its
/// beginning, and then what comes. Where there is no such topic it costs a look every two seconds
/// (`look_at_control_every`), and nothing is created. Not thread-safe.
class Control {
 public:
  using Requested = std::function<void(const std::string& id, const DeadLetterRequest& request)>;

  Control(Host& host, Requested requested) : host_(host), requested_(std::move(requested)) {}

  /// Gives on what has come; looks no more often than that.
  void look();

 private:
  void read();

  Host& host_;
  const Requested requested_;
  std::string topic_;
  std::unique_ptr<Consumer> reader_;
  SteadyTime look_again_{};
  bool in_trouble_ = false;
};

}  // namespace tidings::service
