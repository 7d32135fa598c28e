#pragma once

#include <functional>
#include <string>
#include <vector>

#include "child.hpp"

namespace bench {

/// A peer's server, of this benchmark alone. Ended with it, also where the benchmark is killed.
class Server {
 public:
  /// `arguments[0]` is the program's name. `is_up` is asked until it says yes; throws where it does not within 10 s.
  Server(const std::vector<std::string>& arguments, const std::function<bool()>& is_up);

 private:
  Child child_;
};

/// The main of the process that becomes the server: `--serve PROGRAM ARGUMENTS…`.
int serve(int argc, char** argv);

}  // namespace bench
