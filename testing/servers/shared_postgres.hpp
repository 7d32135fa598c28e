#pragma once

#include "testing/servers/postgres_server.hpp"
#include "testing/servers/tcp_proxy.hpp"

namespace tidings::testing {

/// The PostgreSQL of a test program, which is started when it is first asked for, and a proxy before it: whoever uses
/// it takes a schema of its own.
class SharedPostgres {
 public:
  /// The only one; made in the program's first thread.
  static SharedPostgres& get();

  /// Error `missing_server`, `not_ready`: what starting it came to.
  [[nodiscard]] Result<> ready() const;
  [[nodiscard]] ServerProcess& server() { return **server_; }
  [[nodiscard]] TcpProxy& proxy() { return *proxy_; }

 private:
  SharedPostgres();
  Result<std::unique_ptr<ServerProcess>> server_;
  std::unique_ptr<TcpProxy> proxy_;
};

}  // namespace tidings::testing
