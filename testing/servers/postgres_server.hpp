#pragma once

#include <memory>
#include <string>
#include <vector>

#include "testing/servers/server_process.hpp"

namespace tidings::testing {

/// Whether Debian's PostgreSQL is there, and a user to run it, since it refuses to be root's. Error `missing_server`.
[[nodiscard]] Result<> postgres_is_there();

struct PostgresServerOptions {
  std::string config{};                        ///< more of `postgresql.conf`
  std::string access{};                        ///< before the other lines of `pg_hba.conf`
  std::map<std::string, std::string> files{};  ///< that it names as `{folder}/NAME`; NAME.key is its own alone
};

/// A PostgreSQL in a folder and on a port of its own, and on a socket in the folder, which syncs as one that is in use.
/// Its superuser is `postgres_user`, and nobody comes in without a password.
[[nodiscard]] Result<std::unique_ptr<ServerProcess>> start_postgres_server(const PostgresServerOptions& options = {});

inline constexpr std::string_view postgres_user = "tidings";
inline constexpr std::string_view postgres_password = "open-sesame";

/// `postgres://USER:PASSWORD@127.0.0.1:PORT/postgres`, where the port may be another's, such as a proxy's.
[[nodiscard]] std::string postgres_url(std::uint16_t port);
[[nodiscard]] std::string postgres_url(const ServerProcess& server);

}  // namespace tidings::testing
