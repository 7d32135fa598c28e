#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace bench {

/// Another process, whose standard output is read through a pipe. Ended when it goes.
class Child {
 public:
  /// `arguments[0]` is the program, by its path. Throws where it does not start.
  explicit Child(const std::vector<std::string>& arguments);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The next line, without its end; empty when the process has ended.
  std::string line();
  /// Waits for its end: its exit status, -1 where a signal ended it, and what it used, with its own children.
  int wait(rusage* used = nullptr);

 private:
  pid_t process_ = -1;
  int output_ = -1;
  std::string buffer_;
};

/// The path of the program that runs.
[[nodiscard]] std::string own_path();
/// That of a program beside it.
[[nodiscard]] std::string path_beside(const std::string& program);

}  // namespace bench
