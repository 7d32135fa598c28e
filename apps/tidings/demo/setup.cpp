#include "demo/setup.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <tuple>

#include "demo/child.hpp"
#include "demo/clearing.hpp"
#include "interrupt.hpp"
#include "output.hpp"

namespace tidings::cli {
namespace {

namespace fs = std::filesystem;

Result<Input> read_input(const DemoArguments& arguments) {
  if (arguments.orders.empty()) return make_orders(arguments.count, arguments.seed);
  auto read = read_orders(arguments.orders);
  if (read && read->submissions.empty()) return Error{"invalid_orders", arguments.orders + " has no orders"};
  return read;
}

/// As built it stands beside us; installed, in a folder of its own.
Result<std::string> program_of(const std::string& service) {
  auto beside = own_directory() + "/shop-" + service;
  if (::access(beside.c_str(), X_OK) == 0) return beside;
  auto installed = (fs::path(own_directory()) / TIDINGS_HELPERS / ("shop-" + service)).lexically_normal().string();
  if (::access(installed.c_str(), X_OK) == 0) return installed;
  return Error{"not_found",
               beside + " is not there; build everything (script/build), or install tidings with cmake --install"};
}

Result<> make_directory(const DemoArguments& arguments, Setup& setup) {
  std::error_code error;
  if (arguments.keep.empty()) {
    const auto among = fs::temp_directory_path(error);
    if (error) return Error{"io_error", "$TMPDIR names no directory: " + error.message() + "; or give --keep DIR"};
    auto path = (among / "tidings-demo-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr)
      return Error{"io_error", "cannot make a directory in " + among.string() + ": " + std::strerror(errno) +
                                   "; free space there, or give --keep DIR"};
    setup.directory = path;
    setup.made_directory = true;
    return {};
  }
  const auto path = fs::absolute(arguments.keep, error).lexically_normal().string();
  if (error) return Error{"io_error", "cannot tell where " + arguments.keep + " is: " + error.message()};
  if (fs::exists(path, error) && !fs::is_empty(path, error))
    return Error{"exists", path + " is not empty; name a new directory for --keep"};
  setup.directory = path;
  setup.made_directory = fs::create_directories(path, error);
  if (error) return Error{"io_error", "cannot make " + path + ": " + error.message()};
  return {};
}

}  // namespace

Result<Setup> set_up(const DemoArguments& arguments) {
  Setup setup;
  auto input = read_input(arguments);
  if (!input) return input.error();
  setup.input = std::move(*input);
  for (std::size_t i = 0; i < service_count; ++i) {
    auto program = program_of(specs[i].name);
    if (!program) return program.error();
    setup.programs[i] = std::move(*program);
  }
  if (auto made = make_directory(arguments, setup); !made) return made.error();
  return setup;
}

/// A long run leaves tens of thousands of mails behind, which take their time to be removed.
void remove(const std::string& directory, bool json) {
  const auto before = caught_signal();  // the run may have ended by one; a second one ends us at once
  const bool gone = clear_away(
      directory, {.is_unwanted = [&] { return caught_signal() != before; },
                  .takes_long =
                      [&] {
                        if (!json)
                          std::ignore =
                              print("  removing the run's files …, Ctrl-C leaves them in " + directory + "\n");
                      }});
  if (!gone) complain("the run's files are left in " + directory);
}

}  // namespace tidings::cli
