#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidings/base/result.hpp"

namespace tidings::cli {

/// A process of ours. It dies with us; what it says on standard error goes to a file. Move-only; its end is SIGKILL
/// where it still runs.
class Child {
 public:
  /// Starts `program` in the folder `directory`, without the TIDINGS_ variables of our own environment.
  static Result<Child> start(const std::string& program, const std::vector<std::string>& arguments,
                             const std::string& directory, const std::string& log_file);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void send(int signal) const;
  /// How it ended, as `waitpid` says; nullopt while it runs.
  std::optional<int> ended();
  /// Memory of its own (RssAnon), in KiB; 0 where it is gone.
  [[nodiscard]] std::uint64_t rss_anon_kib() const;

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// The folder that this program's own file lies in.
[[nodiscard]] std::string own_directory();

/// What `Child::ended` gives, in words: `was killed by SIGKILL`, `ended with status 1`.
[[nodiscard]] std::string ending(int status);

/// The last lines of a file, for messages.
[[nodiscard]] std::string last_lines(const std::string& path, std::size_t lines);

}  // namespace tidings::cli
