#pragma once

#include <array>
#include <mutex>
#include <semaphore>
#include <string>

#include "tidings/bus/bus.hpp"

// What the tests of queues share.
namespace queued {

struct Number {
  int thread = 0;
  int value = 0;
};
struct Text {
  std::string text;
};
struct Large {
  std::array<char, 3000> bytes{};
  std::string tail;
};
struct alignas(128) Aligned {
  int value = 0;
};

class Lines final : public tidings::LogSink {
 public:
  void write(tidings::LogLevel, std::string_view line) override {
    const std::scoped_lock lock(mutex_);
    text_ += std::string(line) + "\n";
  }
  std::string text() const {
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// A handler that stands still until it is let go, and tells that it began.
struct Gate {
  std::counting_semaphore<> began{0}, go{0};
  void pass() {
    began.release();
    go.acquire();
  }
};

}  // namespace queued
