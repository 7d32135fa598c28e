#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "tidings/base/result.hpp"
#include "tidings/event/context.hpp"

namespace tidings {

/// One attempt of a handler, as it passes through the middleware of `Service::use`. An interface, so that middleware
/// can be tested without a service. For the thread that it is given to, and no longer than that call.
class DeliveryCall {
 public:
  [[nodiscard]] virtual std::string_view handler() const = 0;
  /// Events: 1, or as many as the batch has.
  [[nodiscard]] virtual std::size_t size() const = 0;
  /// Of one of them: its envelope, as it came, and the means to publish with it as cause.
  [[nodiscard]] virtual Context& context(std::size_t at = 0) = 0;
  /// Goes on to the next middleware, at last decodes and hands the event to the handler, and returns the outcome; what
  /// is thrown there has become an error. May be called again, which is a retry without a pause: what a failed one
  /// published is gone. Or not at all: then the handler is not called.
  virtual Result<> next() = 0;

 protected:
  DeliveryCall() = default;
  DeliveryCall(const DeliveryCall&) = default;
  DeliveryCall& operator=(const DeliveryCall&) = default;
  ~DeliveryCall() = default;
};

namespace service::detail {
using RunMiddleware = std::function<Result<>(DeliveryCall&)>;
}

}  // namespace tidings
