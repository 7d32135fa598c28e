#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "tidings/broker/broker.hpp"

namespace tidings {

/// Opens the broker that `url` names: `memory:`, `memory:NAME`, `log:DIR`, `nats://HOST:PORT`. Errors: `invalid_url`,
/// `unknown_broker` (naming those there are), and what the broker says.
[[nodiscard]] Result<std::unique_ptr<Broker>> open_broker(std::string_view url, const BrokerOptions& options = {});

/// Those that this build has, by scheme.
[[nodiscard]] std::span<const BrokerFactory> broker_factories();

}  // namespace tidings
