#pragma once

#include <memory>
#include <utility>

namespace tidings {

namespace bus {
class Slot;
class Registry;
}  // namespace bus

/// Holds a subscription on a `Bus`; ends it when it goes. Move-only; may outlive the bus.
///
/// Once the destructor, or `end`, has returned no call of the handler runs, nor begins: it waits for calls on other
/// threads as long as they take, but not for the frames of the calling thread, so that a handler may end its own
/// subscription; the callable lives until that frame ends. Two handlers that end each other's subscription on two
/// threads at once wait for each other for ever.
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

 private:
  std::weak_ptr<bus::Registry> registry_;
  std::shared_ptr<bus::Slot> slot_;
};

}  // namespace tidings
