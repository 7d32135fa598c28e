#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "service/host.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::service {

/// Replies to a service's requests. They come on one topic of the service, which every process of it reads whole from
/// where it was when it made its first request; a reply names the request that it is for. Thread-safe.
class Requests {
 public:
  explicit Requests(Host& host) : host_(host) {}
  ~Requests();
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  /// Where replies are to go, without the namespace. Begins to listen, the first time. Errors: the broker's.
  Result<std::string> listen();
  /// From now on the reply to `id` is kept, until `wait` or `forget`.
  void expect(const std::string& id);
  void forget(const std::string& id);
  /// Errors: `no_reply` (same call) where none came in time, `closed` (reopen) where the service stops.
  Result<Envelope> wait(const std::string& id, std::chrono::steady_clock::time_point until);
  /// Ends all waits.
  void stop();

 private:
  void loop();

  Host& host_;
  std::string topic_;   // once it listens
  std::mutex opening_;  // one opens, the others wait for it
  std::mutex mutex_;
  std::condition_variable come_;
  std::map<std::string, std::unique_ptr<Envelope>, std::less<>> replies_;  // by request; null: not come yet
  bool stopping_ = false;
  std::shared_ptr<Consumer> consumer_;
  std::thread thread_;
};

}  // namespace tidings::service
