#pragma once

#include <memory>
#include <string>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"
#include "tidings/ops/http.hpp"

namespace tidings::ops {

/// Whom a client trusts, and TLS (1.2 and later) with those. Thread-safe.
class TlsTrust {
 public:
  /// The authorities in `file` (PEM) alone; empty: those of the system. Errors (never): `invalid_options`: the file
  /// cannot be read, or has none; `unsupported`: Tidings was built without OpenSSL.
  [[nodiscard]] static Result<TlsTrust> of(const std::string& file);

  /// Shakes hands over a socket that does not block, with a server whose certificate is of that host (a name, or an
  /// address) and comes from an authority. Errors: `untrusted` (same call, once either has another): it is not so;
  /// `unreachable` (same call): it took longer than `until`, `cancel` could be read, or the server speaks no TLS.
  [[nodiscard]] Result<std::unique_ptr<HttpChannel>> connect(int socket, const std::string& host, SteadyTime until,
                                                             int cancel) const;

 private:
  explicit TlsTrust(std::shared_ptr<void> context) : context_(std::move(context)) {}
  std::shared_ptr<void> context_;
};

}  // namespace tidings::ops
