#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "demo/child.hpp"
#include "demo/services.hpp"

namespace tidings::cli {

/// The services as processes, each in a folder of its name with its log beside it.
class Crew {
 public:
  struct Posts {
    std::string directory;
    const std::string* programs;                                   ///< of each
    std::function<std::vector<std::string>(std::size_t)> options;  ///< what each is started with
  };
  explicit Crew(Posts posts) : posts_(std::move(posts)) {}

  /// Error `io_error`.
  Result<> start(std::size_t service);
  /// With SIGKILL; gone when it returns.
  void kill(std::size_t service);
  /// Error `service_ended`, with its last words, where one has ended that is not `may_be_gone`.
  Result<> check(const std::function<bool(std::size_t)>& may_be_gone);
  /// With SIGTERM. Error `service_failed` where one does not end cleanly.
  Result<> stop(std::chrono::steady_clock::duration wait_max);
  [[nodiscard]] std::uint64_t rss_anon_kib(std::size_t service) const { return children_[service]->rss_anon_kib(); }

 private:
  [[nodiscard]] std::string log_file(std::size_t service) const;
  /// For the end of a message.
  [[nodiscard]] std::string last_words(std::size_t service) const;

  Posts posts_;
  std::optional<Child> children_[service_count];
};

}  // namespace tidings::cli
