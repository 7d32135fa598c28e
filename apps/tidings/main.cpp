#include <algorithm>
#include <csignal>
#include <exception>
#include <new>

#include "command_line/parser.hpp"
#include "output.hpp"
#include "tidings/base/standard_descriptors.hpp"

using namespace tidings::cli;

int main(int argc, char** argv) try {
  if (!tidings::keep_standard_descriptors()) return failed;
  std::signal(SIGPIPE, SIG_IGN);
  Parser parser;
  // 'tidings help topics create' is 'tidings topics create --help'.
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    const auto known = commands_of(parser.app);
    if (words.empty() || std::ranges::find(known, words.front()) != known.end()) words.emplace_back("--help");
  }
  std::ranges::reverse(words);  // as CLI11 takes them
  try {
    parser.app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return parser.app.exit(error);
    return wrong(parser.app, error);
  }
  return parser.run();
} catch (const std::bad_alloc&) {
  complain(tidings::Error{"out_of_memory", "there is not enough memory for this"});
  return failed;
} catch (const std::exception& thrown) {
  complain(tidings::Error{"unexpected", thrown.what()});
  return failed;
}
