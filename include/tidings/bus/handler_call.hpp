#pragma once

#include <string_view>

#include "tidings/base/result.hpp"
#include "tidings/bus/any_event.hpp"

namespace tidings {

class Context;
namespace bus {
class Chain;
}

/// One call of a handler, as middleware stands around it. Valid for the call.
class HandlerCall {
 public:
  explicit HandlerCall(bus::Chain& chain) : chain_(&chain) {}
  HandlerCall(const HandlerCall&) = delete;
  HandlerCall& operator=(const HandlerCall&) = delete;

  [[nodiscard]] const AnyEvent& event() const;
  /// The name of the subscription whose handler is called.
  [[nodiscard]] std::string_view handler() const;
  /// The event's envelope, and the means to publish with it as cause.
  [[nodiscard]] Context& context();
  /// Goes on to the next middleware, at last the handler, and returns its outcome; what the handler throws has become
  /// an error. May be called again (a retry), or not at all: then the handler is not called.
  Result<> next();

 private:
  bus::Chain* chain_;
};

}  // namespace tidings
