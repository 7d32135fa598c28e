#include "brokers/memory/url.hpp"

#include <charconv>

#include "tidings/base/text.hpp"

namespace tidings::brokers::memory {

namespace {

Error refuse(std::string_view url, const std::string& why) {
  return {"invalid_url",
          "'" + printable(url) + "': " + why +
              "; write memory:, memory:NAME or memory:NAME?bytes_max=1073741824&retain=all (or settled)"};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  Url url;
  auto rest = text.substr(text.find(':') + 1);
  const auto mark = rest.find('?');
  url.name = rest.substr(0, mark);
  if (!url.name.empty())
    if (auto valid = validate_name("memory broker", url.name); !valid) return valid.error();
  rest = mark == rest.npos ? "" : rest.substr(mark + 1);
  while (!rest.empty()) {
    const auto option = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), option.size() + 1));
    const auto name = option.substr(0, option.find('='));
    const auto value = option.substr(std::min(option.size(), name.size() + 1));
    if (name == "bytes_max") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), url.bytes_max);
      if (error != std::errc{} || end != value.data() + value.size() || url.bytes_max == 0)
        return refuse(text, "bytes_max is a number of bytes");
    } else if (name == "retain" && (value == "all" || value == "settled")) {
      url.keep_settled = value == "all";
    } else {
      return refuse(text, "'" + printable(option) + "' is no option");
    }
  }
  return url;
}

}  // namespace tidings::brokers::memory
