#include "rig.hpp"
#include "testing/servers/nats_server.hpp"

namespace tidings::faults {

using namespace std::chrono_literals;

const Traits& traits() {
  static const Traits nats{.name = "nats", .stores_once = true, .kills_everyday = 2, .lease = 1s, .patience = 60s};
  return nats;
}

Result<> server_is_there() {
  return tidings::testing::nats_server_is_there();
}

std::unique_ptr<Rig> Rig::start() {
  auto rig = std::make_unique<Rig>();
  rig->server_ = tidings::testing::start_nats_server().or_throw();
  rig->proxy_ = tidings::testing::TcpProxy::start(rig->server_->port()).or_throw();
  return rig;
}

std::string Rig::url(bool through_proxy) const {
  return "nats://127.0.0.1:" + std::to_string(through_proxy ? proxy_->port() : server_->port()) + "?lease=1s";
}

}  // namespace tidings::faults
