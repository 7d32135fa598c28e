#pragma once

#include <cstdint>
#include <functional>

namespace tidings::crash {

/// Runs `work` in a child, instruction by instruction, and calls `look` behind each; returns how many there were. The
/// child's exit code is in `status`, as of waitpid; it is killed where `look` returns false. Where the machine does not
/// let a process be led so, nothing is run, and 0 returned.
std::uint64_t step_through(const std::function<int()>& work, const std::function<bool()>& look, int& status);

/// Where a child says what it is at: shared with its parent, and of type `T` as bytes.
class SharedPage {
 public:
  SharedPage();
  ~SharedPage();
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;
  template <class T>
  [[nodiscard]] T& as() const {
    static_assert(sizeof(T) <= 4096);
    return *static_cast<T*>(at_);
  }

 private:
  void* at_;
};

}  // namespace tidings::crash
