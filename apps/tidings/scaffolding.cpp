#include "scaffolding.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "tidings/base/text.hpp"

namespace tidings::cli {

Result<> split(std::vector<std::string>& lists, const std::string& option) {
  std::vector<std::string> names;
  for (const auto& list : lists) {
    const auto before = names.size();
    for (std::size_t at = 0; at < list.size();) {
      const auto end = std::min(list.find_first_of(", \t", at), list.size());
      if (end > at) names.push_back(list.substr(at, end - at));
      at = end + 1;
    }
    if (names.size() == before)
      return Error{"invalid_choice", option + " names no capability: '" + printable(list) +
                                         "'; 'tidings capabilities' lists them, as in outbox,nats"};
  }
  for (const auto& name : names)
    if (name.starts_with('-'))
      return Error{"invalid_choice", option + " is followed by '" + printable(name) + "', which is no capability"};
  lists = std::move(names);
  return {};
}

std::size_t columns(int descriptor) {
  constexpr std::size_t most = 100, least = 40;
  winsize size{};
  if (::isatty(descriptor) == 0 || ::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return most;
  return std::clamp<std::size_t>(size.ws_col, least, most);
}

void tell_choice(const scaffold::Resolution& resolution, const std::vector<scaffold::Warning>& found) {
  const char* const without = std::getenv("NO_COLOR");
  const bool coloured = ::isatty(STDERR_FILENO) != 0 && (without == nullptr || *without == '\0');
  const auto width = columns(STDERR_FILENO);
  std::cerr << scaffold::choice_text(resolution, width) << scaffold::warnings_text(found, coloured, width);
  if (!found.empty())
    std::cerr << scaffold::folded("What you accept, write into tidings.toml: [acknowledged] " + found.front().id +
                                      " = \"the reason\"",
                                  2, width)
              << "\n";
}

}  // namespace tidings::cli
