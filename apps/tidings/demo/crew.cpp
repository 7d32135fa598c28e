#include "demo/crew.hpp"

#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <thread>

namespace tidings::cli {

using namespace std::chrono_literals;

Result<> Crew::start(std::size_t service) {
  const auto folder = posts_.directory + "/" + specs[service].name;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Error{"io_error", "cannot make " + folder + ": " + error.message()};
  auto child = Child::start(posts_.programs[service], posts_.options(service), folder, log_file(service));
  if (!child) return child.error();
  children_[service] = std::move(*child);
  return {};
}

void Crew::kill(std::size_t service) {
  children_[service]->send(SIGKILL);
  while (!children_[service]->ended()) std::this_thread::sleep_for(1ms);
}

Result<> Crew::check(const std::function<bool(std::size_t)>& may_be_gone) {
  for (std::size_t i = 0; i < service_count; ++i) {
    if (!children_[i] || may_be_gone(i)) continue;
    const auto status = children_[i]->ended();
    if (!status) continue;
    return Error{"service_ended", std::string(specs[i].name) + " " + ending(*status) +
                                      ", which the demo did not ask for" + last_words(i)};
  }
  return {};
}

Result<> Crew::stop(std::chrono::steady_clock::duration wait_max) {
  for (auto& child : children_) child->send(SIGTERM);
  const auto until = std::chrono::steady_clock::now() + wait_max;
  for (std::size_t i = 0; i < service_count; ++i) {
    while (!children_[i]->ended() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(5ms);
    const auto status = children_[i]->ended();
    if (!status || !WIFEXITED(*status) || WEXITSTATUS(*status) != 0)
      return Error{"service_failed", std::string(specs[i].name) + " did not end cleanly at SIGTERM: it " +
                                         (status ? ending(*status) : "still runs") + last_words(i)};
  }
  return {};
}

std::string Crew::log_file(std::size_t service) const {
  return posts_.directory + "/" + specs[service].name + ".log";
}

std::string Crew::last_words(std::size_t service) const {
  const auto lines = last_lines(log_file(service), 10);
  return lines.empty() ? "; it has said nothing" : "; its last words:\n" + lines;
}

}  // namespace tidings::cli
