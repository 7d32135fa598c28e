#pragma once

#include <memory>
#include <string>

#include "commands.hpp"
#include "tidings/base/clock.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// The dashboard, at work: an HTTP server, and what looks at the broker for it.
class Dashboard {
 public:
  /// Everything given outlives it. Errors, none of which goes away by itself: `invalid_address`, `address_in_use`, …,
  /// as the server's; `invalid_options`: one of certificate and key is missing; `insecure_listen`: others could look,
  /// and there is no token, or no TLS; `insecure_token`, `tls_failed`, `unsupported` (built without TLS); of the audit
  /// log `io_error`, `not_a_file`; the broker's.
  static Result<std::unique_ptr<Dashboard>> start(Broker& broker, const Common& common,
                                                  const DashboardArguments& arguments, Clock& clock = system_clock());
  virtual ~Dashboard() = default;

  /// `http://127.0.0.1:7077/`.
  [[nodiscard]] virtual std::string url() const = 0;
  /// A sentence for each store that cannot be opened now, and why. Waits for databases that are not reached.
  [[nodiscard]] virtual std::vector<std::string> unopened_stores() = 0;
};

}  // namespace tidings::cli
