#include "testing/servers/shared_kafka.hpp"

#include <unistd.h>

#include <atomic>

namespace tidings::testing {

SharedKafka& SharedKafka::get() {
  static SharedKafka kafka;
  return kafka;
}

SharedKafka::SharedKafka() : server_(Error{"missing_server", "not started"}) {
  auto proxy = TcpProxy::listen();
  if (!proxy) {
    server_ = proxy.error();
    return;
  }
  proxy_ = std::move(*proxy);
  server_ = start_kafka_server({.proxy_port = proxy_->port(), .files = {}, .config = {}});
  if (server_) proxy_->pass_to((*server_)->port(static_cast<std::size_t>(KafkaListener::proxied)));
}

Result<> SharedKafka::ready() const {
  if (!server_) return server_.error();
  return {};
}

std::string SharedKafka::fresh_url(bool through_proxy) {
  static std::atomic<int> number = 0;
  const auto address = through_proxy ? "127.0.0.1:" + std::to_string(proxy_->port()) : kafka_address(server());
  return "kafka://" + address + "?session=3s&prefix=t" + std::to_string(number++) + ".";
}

}  // namespace tidings::testing
