#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/broker/broker.hpp"
#include "tidings/service/names.hpp"

namespace tidings {

/// A handler of a process that has obeyed a request to pause, or to go on.
struct PauseAnswer {
  std::string group;    ///< without the namespace
  std::string process;  ///< the name of the instance, or `HOST:PID`
  bool paused = false;
  std::vector<std::string> partitions{};  ///< of its group, those that the process holds: `orders/0`
};

/// A pause that stands, or what is left out of one.
struct PauseState {
  std::string target;
  bool paused = false;
  TimePoint since{};
};

/// Pauses handlers of services that run, or has them go on, by the topic `tidings.control`; every process of the
/// service obeys within some two seconds. A pause stands until it is taken back: who starts later begins paused. For
/// tools; not thread-safe. The broker outlives it.
class Pausing {
 public:
  /// Whether it can be one: error `invalid_name` (never).
  static Result<> check(std::string_view target);
  /// Publishes the request. `target`: `SERVICE`, which means all its handlers, `SERVICE/HANDLER`, or the group's name,
  /// `SERVICE.HANDLER`. Errors: `invalid_name` (never); the broker's.
  static Result<Pausing> ask(Broker& broker, std::string target, bool paused, std::string_view name_space);
  Pausing(Pausing&&) noexcept;
  Pausing& operator=(Pausing&&) noexcept;
  ~Pausing();

  [[nodiscard]] const std::string& id() const;
  /// Those that have come since it was asked last; waits a little.
  Result<std::vector<PauseAnswer>> answers();
  struct Silence {
    bool any_group = false;               ///< there is a group that is meant, whether or not anybody is a member
    std::vector<std::string> partitions;  ///< held by a live member that has not answered: `SERVICE.HANDLER orders/0`
    std::vector<std::string> known;       ///< all groups of the namespace, without it
  };
  Result<Silence> silence();
  /// As if nobody had asked. Error: the broker's.
  Result<> take_back();

  /// What stands, in the order of asking: pauses, and handlers that go on though their service is paused.
  static Result<std::vector<PauseState>> standing(Broker& broker, std::string_view name_space);

  class Impl;

 private:
  explicit Pausing(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidings
