#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

namespace tidings::brokers::nats {

/// `nats://[USER:PASSWORD@|TOKEN@]HOST[:PORT][,HOST…][?NAME=VALUE&…]`; docs/brokers.md has the parameters.
struct Url {
  std::vector<std::string> servers;  ///< `HOST:PORT` each, one at least
  std::string shown;                 ///< without secrets, for messages

  std::string user;
  std::string password;
  std::string token;
  std::string nkey;  ///< the public key `U…`, of which `seed_file` has the seed: it signs, and is never sent
  std::string seed_file;
  std::string creds_file;  ///< JWT and seed

  bool tls = false;
  bool verify = true;  ///< the server's certificate, and that it is the host's
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  bool allow_plaintext = false;

  Duration lease = std::chrono::seconds{6};
  Duration duplicate_window = std::chrono::minutes{2};
  int replicas = 1;
  std::uint64_t bytes_max = 0;  ///< of each partition of new topics; what does not fit is refused; 0: without bound
};

/// Errors: `invalid_url`; `insecure_credentials` where a password or a token would go over an open network unencrypted;
/// `io_error` where a file with one cannot be read. No secret stands in them.
[[nodiscard]] Result<Url> parse_url(std::string_view url);

}  // namespace tidings::brokers::nats
