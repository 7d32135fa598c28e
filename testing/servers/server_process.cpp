#include "testing/servers/server_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <thread>

namespace tidings::testing {

namespace {

using namespace std::chrono_literals;

constexpr auto pause = 5ms;

SteadyTime now() {
  return std::chrono::steady_clock::now();
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

}  // namespace

std::uint16_t free_port() {
  // Below those that the system gives to whoever connects somewhere: such a connection would have the port of a server
  // that is just being started again.
  constexpr unsigned first = 15'000;
  constexpr unsigned count = 17'000;
  constexpr int tries = 1000;
  std::random_device chance;
  for (int round = 0; round < tries; ++round) {
    const auto port = static_cast<std::uint16_t>(first + chance() % count);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(port);
    const bool is_free = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    if (is_free) return port;
  }
  return 0;
}

bool port_accepts(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port);
  const bool accepts = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(socket);
  return accepts;
}

Result<std::string> find_server(const std::string& program, const std::string& debian_package) {
  const auto* path = std::getenv("PATH");
  std::stringstream folders(std::string(path != nullptr ? path : "/usr/bin") + ":/usr/sbin:/usr/local/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    auto file = folder + "/" + program;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return Error{"missing_server", "not run: there is no " + program +
                                     "; script/setup installs it (Debian: " + debian_package +
                                     "), or set TIDINGS_ALLOW_MISSING_SERVERS=1 to skip what needs it"};
}

bool missing_servers_are_allowed() {
  const auto* allowed = std::getenv("TIDINGS_ALLOW_MISSING_SERVERS");
  return allowed != nullptr && std::string_view(allowed) == "1";
}

Result<std::unique_ptr<ServerProcess>> ServerProcess::start(ServerSpec spec) {
  auto folder = TemporaryFolder::make(spec.name);
  if (!folder) return folder.error();
  std::unique_ptr<ServerProcess> server(new ServerProcess(std::move(spec), std::move(*folder)));
  // Somebody may take a port between the look and the start.
  constexpr int tries = 3;
  Result<> ready;
  for (int round = 0; round < tries; ++round) {
    if (auto chosen = server->choose_ports(); !chosen) return chosen.error();
    if (auto written = server->write_files(); !written) return written.error();
    ready = server->run();
    if (ready) return server;
    server->kill();
  }
  return ready.error();
}

ServerProcess::~ServerProcess() {
  kill();
}

Result<> ServerProcess::choose_ports() {
  ports_.clear();
  for (int index = 0; index < spec_.ports; ++index) {
    ports_.push_back(free_port());
    if (ports_.back() == 0) return Error{"io_error", "no free port on 127.0.0.1", Retry::same_call};
  }
  return {};
}

Result<> ServerProcess::write_files() {
  for (const auto& [name, text] : spec_.files)
    if (auto written = folder_.write(name, filled(text)); !written) return written.error();
  if (!spec_.run_as) return {};
  const auto give = [&](const std::string& path) {
    return ::chown(path.c_str(), spec_.run_as->user, spec_.run_as->group) == 0;
  };
  bool given = give(folder_.path());
  for (const auto& [name, text] : spec_.files) given = given && give(folder_.path() + "/" + name);
  if (!given) return Error{"io_error", "cannot give " + folder_.path() + " to the server's user"};
  return {};
}

std::string ServerProcess::filled(std::string text) const {
  replace_all(text, "{folder}", folder_.path());
  for (std::size_t index = 0; index < ports_.size(); ++index)
    replace_all(text, index == 0 ? "{port}" : "{port" + std::to_string(index + 1) + "}", std::to_string(ports_[index]));
  return text;
}

std::string ServerProcess::output() const {
  std::ifstream file(folder_.path() + "/output", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Starts the process, and waits until it is ready.
Result<> ServerProcess::run() {
  std::vector<std::string> arguments{spec_.program};
  for (const auto& argument : spec_.arguments) arguments.push_back(filled(argument));
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const auto before = output().size();
  const auto file = folder_.path() + "/output";
  const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (out < 0) return Error{"io_error", "cannot write " + file};
  process_ = launch(argv.data(), out, spec_.run_as ? &*spec_.run_as : nullptr);
  ::close(out);
  if (process_ < 0) return Error{"io_error", "fork failed", Retry::same_call};
  return wait_until_ready(before);
}

Result<> ServerProcess::wait_until_ready(std::size_t output_before) {
  const auto until = now() + spec_.ready_within;
  while (true) {
    const bool ended = has_ended();
    const bool accepts = !spec_.ready_when_port_accepts || port_accepts(ports_.at(0));
    if (!ended && accepts &&
        (spec_.ready_line.empty() || output().find(spec_.ready_line, output_before) != std::string::npos))
      return {};
    if (ended || now() > until) {
      constexpr std::size_t told_max = 2000;
      auto told = output().substr(output_before);
      if (told.size() > told_max) told.erase(0, told.size() - told_max);
      return Error{"not_ready", spec_.name + (ended ? " ended" : " was not ready in time") + "; it wrote:\n" + told,
                   Retry::same_call};
    }
    std::this_thread::sleep_for(pause);
  }
}

bool ServerProcess::has_ended() {
  if (process_ > 0 && ::waitpid(process_, nullptr, WNOHANG) == process_) process_ = -1;
  return process_ <= 0;
}

void ServerProcess::kill() {
  if (process_ <= 0) return;
  if (spec_.has_children) {
    kill_tree(process_);
  } else {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  process_ = -1;
  stopped_.reset();
}

bool ServerProcess::end(Duration wait_max) {
  if (process_ <= 0) return true;
  ::kill(process_, SIGTERM);
  for (const auto until = now() + wait_max; now() < until;) {
    if (has_ended()) return true;
    std::this_thread::sleep_for(pause);
  }
  kill();
  return false;
}

Result<> ServerProcess::restart() {
  kill();
  return run();
}

void ServerProcess::stop() {
  if (process_ <= 0) return;
  if (spec_.has_children) {
    if (!stopped_) stopped_.emplace(process_);
    return;
  }
  ::kill(process_, SIGSTOP);
  int status = 0;
  if (::waitpid(process_, &status, WUNTRACED) == process_ && !WIFSTOPPED(status)) process_ = -1;  // it had just ended
}

void ServerProcess::resume() {
  if (spec_.has_children)
    stopped_.reset();
  else if (process_ > 0)
    ::kill(process_, SIGCONT);
}

}  // namespace tidings::testing
