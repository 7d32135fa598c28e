#include "tidings/base/redact.hpp"

#include <algorithm>
#include <array>

namespace tidings {

namespace {

bool is_secret(std::string_view name) {
  constexpr std::array<std::string_view, 5> words{"password", "token", "secret", "seed", "passphrase"};
  return !name.ends_with("_file") &&
         std::ranges::any_of(words, [&](std::string_view word) { return name.find(word) != name.npos; });
}

}  // namespace

std::string redacted(std::string_view url) {
  auto rest = url.substr(std::min(url.size(), url.find(':')));
  std::string out(url.substr(0, url.size() - rest.size()));
  const auto begin = std::min(rest.size(), rest.find_first_not_of(":/"));
  out += rest.substr(0, begin);
  rest.remove_prefix(begin);
  // A password may hold any sign, a question mark too.
  if (const auto at = rest.rfind('@'); at != rest.npos) {
    out += "***";
    rest.remove_prefix(at);
  }
  const auto mark = rest.find('?');
  out += rest.substr(0, mark);
  if (mark == rest.npos) return out;
  rest.remove_prefix(mark + 1);
  for (char separator = '?'; !rest.empty(); separator = '&') {
    const auto one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const auto name = one.substr(0, one.find('='));
    out += separator + (is_secret(name) ? std::string(name) + "=***" : std::string(one));
  }
  return out;
}

}  // namespace tidings
