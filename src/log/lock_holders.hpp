#pragma once

#include <map>
#include <vector>

#include "tidings/base/file_system.hpp"
#include "tidings/log/inspect.hpp"

namespace tidings::log {

/// Which processes hold locks on a log's files. The kernel names nobody for an open file description lock, since it
/// belongs to no process; but it lists the locks of each open file of the processes that we may look at
/// (/proc/PID/fdinfo). In a container those of other containers are not seen. One look, when it is made.
class LockHolders {
 public:
  LockHolders();

  /// Who holds any byte of `range` of the file; nullopt where that is not seen.
  [[nodiscard]] std::optional<ProcessInspection> holder(FileId file, File::Range range) const;
  /// All of them, each once.
  [[nodiscard]] std::vector<ProcessInspection> holders(FileId file, File::Range range) const;

 private:
  struct Lock {
    std::uint64_t begin = 0;
    std::uint64_t last = 0;
    ProcessInspection process;
  };
  std::multimap<FileId, Lock> locks_;
};

}  // namespace tidings::log
