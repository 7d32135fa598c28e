#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "tidings/base/log_sink.hpp"

namespace tidings::testing {

/// Keeps what is said. Thread-safe.
class KeptLog final : public LogSink {
 public:
  void write(LogLevel, std::string_view line) override {
    const std::scoped_lock lock(mutex_);
    text_ += std::string(line) + "\n";
  }
  [[nodiscard]] std::string text() const {
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace tidings::testing
