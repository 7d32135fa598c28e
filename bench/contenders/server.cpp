#include "contenders/server.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>

namespace bench {
namespace {

std::vector<std::string> served(const std::vector<std::string>& arguments) {
  std::vector<std::string> all{own_path(), "--serve"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

}  // namespace

Server::Server(const std::vector<std::string>& arguments, const std::function<bool()>& is_up)
    : child_(served(arguments)) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!is_up()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error(arguments[0] + " does not start");
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
}

int serve(int argc, char** argv) {
  if (argc < 3) return 2;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::execvp(argv[2], argv + 2);
  ::execv((std::string("/usr/sbin/") + argv[2]).c_str(), argv + 2);  // where only root's path has it
  std::perror(argv[2]);
  return 127;
}

}  // namespace bench
