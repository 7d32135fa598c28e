#include "testing/servers/nats_server.hpp"

namespace tidings::testing {

Result<> nats_server_is_there() {
  if (auto found = find_server("nats-server", "nats-server"); !found) return found.error();
  return {};
}

Result<std::unique_ptr<ServerProcess>> start_nats_server(const NatsServerOptions& options) {
  auto program = find_server("nats-server", "nats-server");
  if (!program) return program.error();
  ServerSpec spec;
  spec.name = "nats-server";
  spec.program = *program;
  spec.arguments = {"-c", "{folder}/server.conf"};
  spec.files = options.files;
  spec.files["server.conf"] =
      "listen: \"127.0.0.1:{port}\"\n"
      "jetstream { store_dir: \"{folder}/store\" }\n" +
      options.config;
  spec.ready_line = "Server is ready";
  return ServerProcess::start(std::move(spec));
}

std::string nats_url(const ServerProcess& server) {
  return "nats://127.0.0.1:" + std::to_string(server.port());
}

}  // namespace tidings::testing
