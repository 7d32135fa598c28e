#pragma once

#include <memory>
#include <string>
#include <vector>

#include "testing/servers/server_process.hpp"

namespace tidings::testing {

/// Whether Java and the Kafka that script/kafka fetches are there. Error `missing_server`.
[[nodiscard]] Result<> kafka_is_there();

struct KafkaServerOptions {
  std::uint16_t proxy_port = 0;              ///< what a listener advertises instead of its own port; 0: none
  bool with_security = false;                ///< listeners with SASL, with TLS and with both, and the users for them
  std::map<std::string, std::string> files;  ///< for TLS: `server.pem` (key and certificate)
  std::string config = {};                   ///< more lines of its server.properties
  std::string sasl_host = "127.0.0.1";       ///< where the listener with SASL says that it is
};

/// Listeners of a server, by their port's place in `ServerProcess::port`.
enum class KafkaListener : std::size_t { plain = 0, controller = 1, proxied = 2, sasl = 3, tls = 4, sasl_tls = 5 };

/// One node, broker and controller, in a folder of its own: small, and quick to rebalance. It takes some seconds.
[[nodiscard]] Result<std::unique_ptr<ServerProcess>> start_kafka_server(const KafkaServerOptions& options = {});

/// `127.0.0.1:PORT`.
[[nodiscard]] std::string kafka_address(const ServerProcess& server, KafkaListener listener = KafkaListener::plain);

}  // namespace tidings::testing
