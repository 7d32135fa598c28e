#pragma once

#include <memory>
#include <string_view>

#include "tidings/broker/broker.hpp"

namespace tidings::brokers::kafka {

/// Opens without waiting: the first call that needs a server finds out whether there is one.
[[nodiscard]] Result<std::unique_ptr<Broker>> open_kafka(std::string_view url, const BrokerOptions& options);

/// As if librdkafka had found that the producer of this broker, which is one of Kafka's, cannot go on.
void fail_producer_for_tests(Broker& broker);

}  // namespace tidings::brokers::kafka
