#pragma once

#include <string>

#include "commands.hpp"
#include "demo/input.hpp"
#include "demo/services.hpp"

namespace tidings::cli {

/// What a run works with.
struct Setup {
  Input input;
  std::string programs[service_count];
  std::string directory;        ///< fresh: the user's, or one of our own that goes when all is done
  bool made_directory = false;  ///< it was not there before
};

/// Reads the orders, looks for the services, and only then makes the folder: what is wrong is told while nothing is
/// made. Errors: `invalid_orders`, `not_found`, `exists`, `io_error`.
[[nodiscard]] Result<Setup> set_up(const DemoArguments& arguments);

/// Removes the folder of a run; where that takes long it says so (not with `json`), and a signal leaves the rest.
void remove(const std::string& directory, bool json);

}  // namespace tidings::cli
