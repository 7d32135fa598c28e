#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tidings/broker/broker.hpp"

namespace tidings {

/// Opens the broker that `url` names: `memory:`, `memory:NAME`, `log:DIR`, `nats://HOST:PORT`, `kafka://HOST:PORT`;
/// docs/brokers.md has their options. Errors: `invalid_url`, `unknown_broker` (never; naming those that this build
/// has), and what the broker says.
[[nodiscard]] Result<std::unique_ptr<Broker>> open_broker(std::string_view url, const BrokerOptions& options = {});

/// Which broker `url` names, so that two that differ are two brokers for sure: of `log:` the folder, by its whole path;
/// of others the scheme alone, since a cluster has many addresses.
[[nodiscard]] std::string broker_place(std::string_view url);

/// Those that this build has, by scheme.
[[nodiscard]] std::span<const BrokerFactory> broker_factories();

}  // namespace tidings
