#pragma once

#include <memory>
#include <string>
#include <vector>

#include "testing/servers/server_process.hpp"

namespace tidings::testing {

/// Whether Debian's nats-server is there. Error `missing_server`.
[[nodiscard]] Result<> nats_server_is_there();

struct NatsServerOptions {
  std::string config;  ///< more of its configuration file, such as `max_payload`; see `ServerSpec`
  std::map<std::string, std::string> files;  ///< that it names as `{folder}/NAME`
};

/// A nats-server with JetStream in a folder and on a port of its own.
[[nodiscard]] Result<std::unique_ptr<ServerProcess>> start_nats_server(const NatsServerOptions& options = {});

/// `nats://127.0.0.1:PORT`.
[[nodiscard]] std::string nats_url(const ServerProcess& server);

}  // namespace tidings::testing
