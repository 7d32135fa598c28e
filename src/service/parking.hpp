#pragma once

#include <mutex>
#include <string>

#include "service/host.hpp"
#include "service/source.hpp"
#include "service/task.hpp"

namespace tidings::service {

/// Where one handler's dead letters go. Thread-safe.
class Parking {
 public:
  Parking(Host& host, std::string group) : host_(host), group_(std::move(group)), topic_(dead_topic()) {}

  /// Publishes the event, as it came, with the reason in headers; durably, so that it may be settled then. The topic is
  /// created with the first.
  Result<> park(const Source& source, const Task& task);
  [[nodiscard]] const std::string& topic() const { return topic_; }

 private:
  [[nodiscard]] std::string dead_topic() const;
  Result<> create(const Source& source);

  Host& host_;
  std::string group_;
  std::string topic_;
  std::mutex mutex_;
  std::vector<std::string> created_for_;
};

}  // namespace tidings::service
