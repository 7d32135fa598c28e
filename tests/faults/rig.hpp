#pragma once

#include <memory>
#include <string>

#include "load.hpp"
#include "testing/servers/needs_server.hpp"
#include "testing/servers/tcp_proxy.hpp"

namespace tidings::faults {

/// What the suites have to know of a broker: nats_rig.cpp and kafka_rig.cpp, each in a program of its own.
struct Traits {
  std::string name;
  bool stores_once = false;  ///< what is published again under its id soon is there once
  int kills_everyday = 2;
  Duration lease{};     ///< after which a member that says nothing is out, as `Rig::url` has it
  Duration patience{};  ///< for all to flow again, once the server is there
};
[[nodiscard]] const Traits& traits();
[[nodiscard]] Result<> server_is_there();

/// A server, and a way to it that can be cut.
class Rig {
 public:
  /// Throws where it does not start.
  static std::unique_ptr<Rig> start();

  [[nodiscard]] std::string url(bool through_proxy = false) const;
  /// With a handle of its own each time.
  [[nodiscard]] OpenBroker opens(bool through_proxy = false) const;

  [[nodiscard]] tidings::testing::ServerProcess& server() { return *server_; }
  [[nodiscard]] tidings::testing::TcpProxy& proxy() { return *proxy_; }

 private:
  std::unique_ptr<tidings::testing::TcpProxy> proxy_;
  std::unique_ptr<tidings::testing::ServerProcess> server_;
};

/// What brokers are opened with here: faults are no news.
[[nodiscard]] BrokerOptions quiet_options();

/// The program as a member in a process of its own: `PROGRAM member URL TOPIC NUMBER FILE SEED`. Until SIGTERM; what it
/// sees goes to the file, and its troubles to its output.
int member_process(int count, char** arguments);

}  // namespace tidings::faults
