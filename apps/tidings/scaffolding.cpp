#include "scaffolding.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace tidings::cli {

void tell_choice(const scaffold::Resolution& resolution, const std::vector<scaffold::Warning>& found) {
  const char* const without = std::getenv("NO_COLOR");
  const bool coloured = ::isatty(STDERR_FILENO) != 0 && (without == nullptr || *without == '\0');
  std::cerr << scaffold::choice_text(resolution) << scaffold::warnings_text(found, coloured);
  if (!found.empty())
    std::cerr << "What you accept, write into tidings.toml: [acknowledged] " << found.front().id
              << " = \"the reason\"\n";
}

}  // namespace tidings::cli
