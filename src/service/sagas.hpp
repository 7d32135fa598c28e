#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "service/host.hpp"
#include "tidings/saga/coordinator.hpp"
#include "tidings/service/detail/handler.hpp"

namespace tidings::service {

/// The sagas of a service: their coordinators, and the thread that fires their timers. Thread-safe once it is started.
class Sagas {
 public:
  explicit Sagas(Host& host) : host_(host) {}
  ~Sagas() { stop(); }
  Sagas(const Sagas&) = delete;
  Sagas& operator=(const Sagas&) = delete;

  /// The handler of its events, which refers to what is kept here.
  [[nodiscard]] std::unique_ptr<detail::Handler> add(std::vector<saga::Definition> versions);
  [[nodiscard]] bool empty() const { return all_.empty(); }
  /// Whether their definitions can be run. Error `invalid_saga`.
  [[nodiscard]] Result<> check() const;

  /// Makes their coordinators; the store is there. Error `invalid_saga`.
  Result<> prepare();
  /// From now on timers are fired.
  void start();
  void stop();

  /// Forgets a bounded number of sagas that have long been over, and of commands of others' that were carried out here
  /// long ago; whether there may be more.
  bool clean_up();

  struct Run {
    std::vector<saga::Definition> versions;
    std::unique_ptr<saga::Coordinator> coordinator;  // after `prepare`
  };

 private:
  void loop();
  /// Fires all that is due; when there is more.
  TimePoint fire();
  bool clean_up_sagas();
  bool clean_up_commands();
  bool forgot(std::string_view what, const Result<std::uint64_t>& removed, bool& has_told);
  /// For spans, where traces are on; else empty.
  [[nodiscard]] std::function<void(std::string_view topic, const EnvelopeView& event)> tell_enqueued() const;
  void is_due(TimePoint due);
  void tell(const Result<>& done);

  Host& host_;
  std::vector<std::unique_ptr<Run>> all_;
  std::mutex mutex_;
  std::condition_variable changed_;
  TimePoint next_{};  // when a timer is due, as far as it knows
  bool is_stopping_ = false;
  bool has_told_ = false;      // of the thread alone
  bool has_commands_ = false;  // of who cleans up, as are the next two
  bool sagas_told_ = false;
  bool commands_told_ = false;
  std::thread thread_;
};

}  // namespace tidings::service
