#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

namespace tidings {

namespace bus {
class Slot;
class Registry;
}  // namespace bus

/// What `Bus::subscriptions` tells of one.
struct SubscriptionInfo {
  std::string name;                 ///< as given, else the handler's C++ type
  std::vector<std::string> events;  ///< their types, as `AnyEvent::type` calls them; empty: every event
  bool middleware = false;
  bool queued = false;
  // Of queued ones:
  std::size_t capacity = 0;
  std::size_t pending = 0;    ///< in the queue now, and in the handler
  std::uint64_t handled = 0;  ///< with success
  std::uint64_t failed = 0;   ///< the handler failed or threw
  std::uint64_t dropped = 0;  ///< by `WhenFull::drop_oldest`
  std::uint64_t refused = 0;  ///< publishes that got `backpressure`
};

/// Holds a subscription on a `Bus`; ends it when it goes. Move-only; may outlive the bus.
///
/// Once the destructor, or `end`, has returned no call of the handler runs, nor begins: it waits for calls on other
/// threads as long as they take, but not for the frames of the calling thread, so that a handler may end its own
/// subscription; the callable lives until that frame ends. Two handlers that end each other's subscription on two
/// threads at once wait for each other for ever.
///
/// What still stands in the queue of a queued one is discarded, and the log says how much; `drain` first.
class [[nodiscard]] Subscription {
 public:
  Subscription() = default;
  Subscription(std::weak_ptr<bus::Registry> registry, std::shared_ptr<bus::Slot> slot)
      : registry_(std::move(registry)), slot_(std::move(slot)) {}
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept {
    if (this != &other) {
      end();
      registry_ = std::move(other.registry_);
      slot_ = std::move(other.slot_);
    }
    return *this;
  }
  ~Subscription() { end(); }

  void end() noexcept;
  [[nodiscard]] bool active() const;
  /// Waits until what was queued before this call has been handled. At once where nothing is queued. Errors: `timeout`
  /// (same call) after `wait_max`, `own_queue` (never) from a handler of this very queue.
  Result<> drain(Duration wait_max);

 private:
  std::weak_ptr<bus::Registry> registry_;
  std::shared_ptr<bus::Slot> slot_;
};

}  // namespace tidings
