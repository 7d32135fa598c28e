#pragma once

#include <atomic>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "service/middleware.hpp"
#include "service/unknown_types.hpp"
#include "tidings/base/clock.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/store/store.hpp"

namespace tidings::service {

/// Any entropy, for several threads.
class SharedEntropy final : public Entropy {
 public:
  explicit SharedEntropy(Entropy& entropy) : entropy_(entropy) {}
  void fill(std::span<std::byte> out) override {
    const std::scoped_lock lock(mutex_);
    entropy_.fill(out);
  }

 private:
  std::mutex mutex_;
  Entropy& entropy_;
};

class Claims;
class Sealing;
struct Measures;
class Tracing;
class Relaying;

/// What a service gives to the handlers that it runs. Thread-safe.
struct Host {
  std::string service;
  std::string name_space;
  std::string instance;
  const Claims* claims = nullptr;
  const Sealing* sealing = nullptr;
  Broker* broker = nullptr;
  std::string broker_place;  ///< of one that was opened by its URL
  Store* store = nullptr;    ///< none: no handler takes a transaction
  Relaying* relaying = nullptr;
  Duration inbox_window{};
  Duration sagas_keep{};          ///< that are over; 0: for ever
  Duration saga_commands_keep{};  ///< likewise, what tombstones remember
  bool tells_stuck_sagas = false;
  Publisher* publisher = nullptr;
  Clock* clock = nullptr;
  Entropy* entropy = nullptr;
  LogSink* log = nullptr;
  bool create_topics = true;
  std::stop_source stop;
  Measures* measures = nullptr;  ///< null: nothing is measured
  Tracing* tracing = nullptr;    ///< null: no traces
  UnknownTypes unknown_types;
  std::vector<Middleware> middleware;  ///< the outermost first; fixed once handlers run

  void say(LogLevel level, const std::string& line, std::span<const LogField> fields) const {
    const auto whole = service + ": " + line;
    log->write_record({.level = level, .line = whole, .fields = fields});
  }
  void say(LogLevel level, const std::string& line) const { log->write(level, service + ": " + line); }
};

}  // namespace tidings::service
