#pragma once

#include <string>
#include <string_view>
#include <vector>

// A light reading of CMake: commands and their words. Variables are not evaluated: `${…}` stands for anything.
namespace tidings::check {

struct CMakeCommand {
  std::string name;  ///< in lower case
  std::vector<std::string> words;
  std::uint32_t line = 0;
};

[[nodiscard]] std::vector<CMakeCommand> read_cmake(std::string_view text);

}  // namespace tidings::check
