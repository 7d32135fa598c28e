#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

namespace tidings::brokers::kafka {

/// What `kafka://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]…[?OPTION=VALUE&…]` says.
struct Url {
  std::string servers;  ///< as librdkafka takes them
  std::string user;
  std::string password;
  std::string sasl;  ///< its mechanism; empty: none
  bool tls = false;
  std::string ca;    ///< a file, or a folder; empty: the system's
  std::string cert;  ///< of the client
  std::string key;
  bool allow_plaintext = false;  ///< a password may go over a link that is not encrypted
  bool murmur2 = false;          ///< partitions as Kafka's Java clients choose them
  std::string prefix;            ///< stands before topics and groups
  Duration session = std::chrono::seconds{10};
  std::uint64_t buffer_bytes = std::uint64_t{64} << 20;  ///< on their way to the servers at once

  /// A password would go readable over the network: only to this machine then.
  [[nodiscard]] bool only_loopback() const { return sasl == "PLAIN" && !tls && !allow_plaintext; }
};

/// Errors `invalid_url`, `insecure_credentials` (never). The password is in neither.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace tidings::brokers::kafka
