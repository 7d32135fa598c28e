#include "rig.hpp"
#include "testing/servers/kafka_server.hpp"

namespace tidings::faults {

using namespace std::chrono_literals;
using tidings::testing::KafkaListener;

const Traits& traits() {
  static const Traits kafka{.name = "kafka", .stores_once = false, .kills_everyday = 1, .lease = 2s, .patience = 120s};
  return kafka;
}

Result<> server_is_there() {
  return tidings::testing::kafka_is_there();
}

std::unique_ptr<Rig> Rig::start() {
  auto rig = std::make_unique<Rig>();
  rig->proxy_ = tidings::testing::TcpProxy::listen().or_throw();
  rig->server_ = tidings::testing::start_kafka_server({.proxy_port = rig->proxy_->port()}).or_throw();
  rig->proxy_->pass_to(rig->server_->port(static_cast<std::size_t>(KafkaListener::proxied)));
  return rig;
}

std::string Rig::url(bool through_proxy) const {
  return "kafka://" +
         (through_proxy ? "127.0.0.1:" + std::to_string(proxy_->port()) : tidings::testing::kafka_address(*server_)) +
         "?session=2s";
}

}  // namespace tidings::faults
