#include "testing/servers/postgres_server.hpp"

#include <pwd.h>
#include <unistd.h>

#include <filesystem>

namespace tidings::testing {

namespace {

constexpr auto package = "postgresql-15";

/// Debian keeps its programs where no `$PATH` leads; others may have it there.
Result<std::string> programs() {
  std::string debian = "/usr/lib/postgresql/15/bin";
  if (::access((debian + "/initdb").c_str(), X_OK) == 0) return debian;
  auto found = find_server("initdb", package);
  if (!found) return found.error();
  return std::filesystem::path(*found).parent_path().string();
}

/// None: as who runs the test.
Result<std::optional<RunAs>> user() {
  if (::geteuid() != 0) return std::optional<RunAs>{};
  for (const auto* name : {"postgres", "nobody"})
    if (const auto* entry = ::getpwnam(name); entry != nullptr)
      return std::optional<RunAs>(RunAs{entry->pw_uid, entry->pw_gid});
  return Error{"missing_server",
               "not run: PostgreSQL refuses to be root's, and there is neither a user postgres nor nobody; run the "
               "tests as another user, or set TIDINGS_ALLOW_MISSING_SERVERS=1 to skip what needs it"};
}

/// The first start makes the folder; the shell then becomes the server. No sync while it is made: whoever loses power
/// loses the test, too.
constexpr std::string_view start_script =
    "set -e\n"
    "cd '{folder}'\n"
    "chmod -f 600 ./*.key || true\n"
    "if [ ! -d data ]; then\n"
    "  rm -rf new\n"
    "  '{programs}/initdb' --no-sync --encoding=UTF8 --locale=C.UTF-8 --auth=scram-sha-256 --username={user} "
    "--pwfile=password --pgdata=new >/dev/null\n"
    "  cat access new/pg_hba.conf >hba\n"
    "  mv hba new/pg_hba.conf\n"
    "  echo \"include '{folder}/server.conf'\" >>new/postgresql.conf\n"
    "  mv new data\n"
    "fi\n"
    "exec '{programs}/postgres' -D '{folder}/data'\n";

/// Little memory, and as many processes as a test takes, since it shares a machine with others.
constexpr std::string_view base_config =
    "listen_addresses = '127.0.0.1'\n"
    "port = {port}\n"
    "unix_socket_directories = '{folder}'\n"
    "max_connections = 50\n"
    "shared_buffers = 16MB\n"
    "jit = off\n"
    "deadlock_timeout = 50ms\n"
    "autovacuum_naptime = 1h\n"
    "max_worker_processes = 2\n"
    "max_logical_replication_workers = 0\n"
    "fsync = on\n"
    "synchronous_commit = on\n"
    "full_page_writes = on\n"
    "log_timezone = 'UTC'\n"
    "timezone = 'UTC'\n"
    "log_line_prefix = '%m [%p] '\n";

std::string replaced(std::string text, const std::string& what, std::string_view by) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

}  // namespace

Result<> postgres_is_there() {
  if (auto found = programs(); !found) return found.error();
  if (auto whom = user(); !whom) return whom.error();
  return {};
}

Result<std::unique_ptr<ServerProcess>> start_postgres_server(const PostgresServerOptions& options) {
  auto bin = programs();
  if (!bin) return bin.error();
  auto whom = user();
  if (!whom) return whom.error();
  auto shell = find_server("sh", "dash");
  if (!shell) return shell.error();
  ServerSpec spec;
  spec.name = "postgres";
  spec.program = *shell;
  spec.arguments = {"{folder}/start.sh"};
  spec.files = options.files;
  spec.files["start.sh"] = replaced(replaced(std::string(start_script), "{programs}", *bin), "{user}", postgres_user);
  spec.files["password"] = std::string(postgres_password) + "\n";
  spec.files["access"] = options.access;
  spec.files["server.conf"] = std::string(base_config) + options.config;
  spec.ready_line = "database system is ready to accept connections";
  spec.has_children = true;
  spec.run_as = *whom;
  return ServerProcess::start(std::move(spec));
}

std::string postgres_url(std::uint16_t port) {
  return "postgres://" + std::string(postgres_user) + ":" + std::string(postgres_password) +
         "@127.0.0.1:" + std::to_string(port) + "/postgres";
}

std::string postgres_url(const ServerProcess& server) {
  return postgres_url(server.port());
}

}  // namespace tidings::testing
