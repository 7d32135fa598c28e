#pragma once

#include <optional>
#include <string_view>

#include "tidings/base/clock.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/base/result.hpp"
#include "tidings/event/envelope.hpp"
#include "tidings/event/event_type.hpp"

namespace tidings::detail {

/// Where a handler's publications go: the runtime that runs the handler. Used by the handler's thread alone.
class Outlet {
 public:
  virtual ~Outlet() = default;
  virtual Result<> publish(std::string_view topic, Envelope envelope) = 0;
  /// Whether it lets an event wait that says when it is due.
  [[nodiscard]] virtual bool can_delay() const { return false; }
  /// Takes the event as it is, where the runtime needs no encoding; nullopt: it has to be encoded.
  virtual std::optional<Result<>> publish_typed(const EventType& /*type*/, const void* /*event*/,
                                                const EnvelopeView& /*cause*/) {
    return std::nullopt;
  }
  /// Ends the subscription whose handler runs. Error `unsupported`.
  virtual Result<> unsubscribe() {
    return Error{"unsupported", "only a handler on the bus can end its subscription from inside"};
  }
  /// What stamps publications and gives them their ids.
  [[nodiscard]] virtual Clock& clock() { return system_clock(); }
  [[nodiscard]] virtual Entropy& entropy() { return system_entropy(); }
};

}  // namespace tidings::detail
