#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

namespace tidings::stores::postgres {

/// What a transaction sees of others: https://www.postgresql.org/docs/15/transaction-iso.html.
enum class Isolation { read_committed, repeatable_read, serializable };

/// What `postgres://[USER[:PASSWORD]@][HOST[:PORT]][,HOST[:PORT]]…/DATABASE[?OPTION=VALUE&…]` says.
struct Url {
  struct Server {
    std::string host;  ///< a name, an address, or the folder of a socket; empty: the socket where libpq has it
    std::string port;
  };
  std::vector<Server> servers;  ///< tried in turn
  std::string user;             ///< empty: as libpq finds it, which is $PGUSER or who runs the program
  std::string password;         ///< empty: none, or as libpq finds it
  std::string database;
  std::vector<std::pair<std::string, std::string>> options;  ///< for libpq, by its names
  Isolation isolation = Isolation::repeatable_read;
  Duration connect_within = std::chrono::seconds{10};  ///< to one of the servers, when the store is opened
  Duration answer_within = std::chrono::minutes{10};   ///< to a statement

  /// Without what is secret: `HOST:PORT,…/DATABASE`.
  [[nodiscard]] std::string shown() const;
};

/// Errors `invalid_url`, `insecure_credentials`, `io_error` of a file with a password (never). The password is in none.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace tidings::stores::postgres
