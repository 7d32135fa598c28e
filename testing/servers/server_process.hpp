#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testing/servers/launcher.hpp"
#include "testing/servers/process_tree.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/base/time.hpp"

namespace tidings::testing {

/// What a server is started with. In `arguments` and in the texts of `files`, `{folder}` stands for its folder,
/// `{port}`,
/// `{port2}`, … for free ports of 127.0.0.1.
struct ServerSpec {
  std::string name;                          ///< `nats-server`, of the folder and in messages
  std::string program;                       ///< its path: `find_server`
  std::vector<std::string> arguments;        ///< after the program's name
  std::map<std::string, std::string> files;  ///< written into the folder before the first start
  int ports = 1;
  bool ready_when_port_accepts = true;  ///< the first one
  std::string ready_line;               ///< and this stands in its output; empty: need not
  Duration ready_within = std::chrono::seconds{60};
  bool has_children = false;    ///< it is several processes, and a signal is for all of them
  std::optional<RunAs> run_as;  ///< for servers that refuse to be root's; they have the folder and the files
};

/// A server of one test: its own process, folder and ports. It is killed when this goes, and when the process that
/// started it ends, however it ends. For one thread at a time.
class ServerProcess {
 public:
  /// Returns once it is ready. Errors: `io_error`, `not_ready` with the end of its output.
  static Result<std::unique_ptr<ServerProcess>> start(ServerSpec spec);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// SIGKILL, and waits for its end. `restart` brings it up again.
  void kill();
  /// SIGTERM; killed where it has not ended by `wait_max`. False: it had to be.
  bool end(Duration wait_max = std::chrono::seconds{10});
  /// Kills it if it runs, and starts it again: same folder, ports and files. Errors as `start`.
  Result<> restart();
  void stop();    ///< SIGSTOP: it is there, and answers nothing
  void resume();  ///< SIGCONT

  [[nodiscard]] pid_t process() const { return process_; }
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  [[nodiscard]] std::uint16_t port(std::size_t index = 0) const { return ports_.at(index); }
  /// All that it has written so far, over all its starts.
  [[nodiscard]] std::string output() const;

 private:
  ServerProcess(ServerSpec spec, TemporaryFolder folder) : spec_(std::move(spec)), folder_(std::move(folder)) {}
  [[nodiscard]] std::string filled(std::string text) const;
  Result<> choose_ports();
  Result<> write_files();
  Result<> run();
  Result<> wait_until_ready(std::size_t output_before);
  bool has_ended();

  ServerSpec spec_;
  TemporaryFolder folder_;
  std::vector<std::uint16_t> ports_;
  pid_t process_ = -1;
  std::optional<StoppedTree> stopped_;
};

/// Where a server's program is: in `$PATH` or in root's. Error `missing_server`, which says what to install.
[[nodiscard]] Result<std::string> find_server(const std::string& program, const std::string& debian_package);
/// Whether TIDINGS_ALLOW_MISSING_SERVERS=1: tests of a server that is not installed are skipped then, and fail else.
[[nodiscard]] bool missing_servers_are_allowed();

/// A port of 127.0.0.1 that nobody listens on now. 0 where there is none.
[[nodiscard]] std::uint16_t free_port();
/// Whether somebody accepts connections there.
[[nodiscard]] bool port_accepts(std::uint16_t port);

}  // namespace tidings::testing
