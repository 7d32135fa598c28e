#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "bus/asymmetric_fence.hpp"
#include "tidings/bus/detail/taken.hpp"
#include "tidings/bus/subscription.hpp"

namespace tidings::bus {

class Lane;

/// One subscription. Lists of publishers share it; the handle owns it and, once ended and idle, releases its callable.
class Slot {
 public:
  Slot(Subscriber subscriber, RunMiddleware run, std::shared_ptr<Lane> queue = nullptr)
      : name_(std::move(subscriber.name)),
        callable_(std::move(subscriber.callable)),
        taken_(std::move(subscriber.taken)),
        middleware_(run),
        lane_(std::move(queue)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<Taken>& taken() const { return taken_; }
  [[nodiscard]] void* callable() const { return callable_.get(); }
  [[nodiscard]] RunMiddleware middleware() const { return middleware_; }     ///< null: a subscriber
  [[nodiscard]] const std::shared_ptr<Lane>& lane() const { return lane_; }  ///< null: on the publisher's thread
  [[nodiscard]] SubscriptionInfo info() const;

  [[nodiscard]] bool ended() const { return ended_.load(mark_load); }
  /// No call begins after this; those that have begun are in the publishers' marks, behind a heavy fence. False where
  /// it had ended before.
  bool deactivate() { return !ended_.exchange(true); }
  /// Destroys the callable. By the handle alone, once no call runs.
  void release() { callable_.reset(); }

 private:
  std::atomic<bool> ended_ = false;
  std::string name_;
  std::shared_ptr<void> callable_;
  std::vector<Taken> taken_;
  RunMiddleware middleware_;
  std::shared_ptr<Lane> lane_;
};

}  // namespace tidings::bus
