#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "tidings/base/result.hpp"

namespace tidings {

/// What became of a publish on the bus: every subscriber was called; these failed.
class [[nodiscard]] BusResult {
 public:
  BusResult() = default;
  BusResult(std::size_t handlers, std::unique_ptr<std::vector<Error>> errors)
      : handlers_(handlers), errors_(std::move(errors)) {}

  [[nodiscard]] bool ok() const { return errors_ == nullptr; }
  explicit operator bool() const { return ok(); }
  /// How many handlers were called and queues offered the event, whatever came of it.
  [[nodiscard]] std::size_t handlers() const { return handlers_; }
  /// In the order of subscription; each message begins with the name of its subscription, or says whose queue it was. A
  /// handler that threw says `handler_threw`, a full queue `backpressure`.
  [[nodiscard]] const std::vector<Error>& errors() const;
  /// All of it as one: the error itself, or `several_failed` with all of their messages. Publishing again calls every
  /// subscriber again, those that succeeded too.
  [[nodiscard]] Result<> combined() const;

  /// For the bus, while it publishes.
  void add_calls(std::size_t count) { handlers_ += count; }
  void add_error(Error error);

 private:
  std::size_t handlers_ = 0;
  std::unique_ptr<std::vector<Error>> errors_;  // most publishes have none, and pay nothing for it
};

}  // namespace tidings
