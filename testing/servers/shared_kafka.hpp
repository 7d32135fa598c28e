#pragma once

#include <string>

#include "testing/servers/kafka_server.hpp"
#include "testing/servers/tcp_proxy.hpp"

namespace tidings::testing {

/// The Kafka of a test program, which is started when it is first asked for, since that takes seconds: whoever uses it
/// takes a prefix of its own.
class SharedKafka {
 public:
  /// The only one; made in the program's first thread.
  static SharedKafka& get();

  /// Error `missing_server`, `not_ready`: what starting it came to.
  [[nodiscard]] Result<> ready() const;
  [[nodiscard]] ServerProcess& server() { return **server_; }
  [[nodiscard]] TcpProxy& proxy() { return *proxy_; }

  /// `kafka://127.0.0.1:PORT?session=3s&prefix=PREFIX`, with a fresh prefix each time. Through the proxy where asked
  /// for.
  [[nodiscard]] std::string fresh_url(bool through_proxy = false);

 private:
  SharedKafka();
  std::unique_ptr<TcpProxy> proxy_;
  Result<std::unique_ptr<ServerProcess>> server_;
};

}  // namespace tidings::testing
