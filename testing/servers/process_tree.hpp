#pragma once

#include <sys/types.h>

#include <optional>
#include <vector>

namespace tidings::testing {

/// A server that is several processes: signals go to all of them. They must be children of this process's children.

/// SIGKILL to `root` and all that it has started, and waits for their end: what one of them holds (memory, files) would
/// keep the server from starting again.
void kill_tree(pid_t root);

/// SIGSTOP to all of them. They go on when this goes; where this process ends before, however, they are killed, since a
/// stopped process sees no end of who started it.
class StoppedTree {
 public:
  explicit StoppedTree(pid_t root);
  ~StoppedTree();
  StoppedTree(const StoppedTree&) = delete;
  StoppedTree& operator=(const StoppedTree&) = delete;

 private:
  void watch();

  std::vector<pid_t> processes_;
  int life_line_ = -1;  // its other end sees this process's end
  pid_t watcher_ = -1;
};

}  // namespace tidings::testing
