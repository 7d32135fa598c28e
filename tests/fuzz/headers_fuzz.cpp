// Headers in their encoded form, as frames carry them.
#include "real_log.hpp"

namespace tidings::fuzzing {

void try_input(Bytes input) {
  const auto bytes = Input(input).copy();
  const auto encoded = text_of(bytes);
  const HeadersView view(encoded);
  Headers rebuilt;
  std::size_t used = 0;
  for (const auto& header : view) {
    require(header.name.empty() || (header.name.data() >= encoded.data() &&
                                    header.name.data() + header.name.size() <= encoded.data() + encoded.size()),
            "a name lies in the headers");
    require(header.value.empty() || header.value.data() + header.value.size() <= encoded.data() + encoded.size(),
            "a value lies in the headers");
    used += 8 + header.name.size() + header.value.size();
    rebuilt.set(header.name, header.value);
  }
  require(used <= encoded.size(), "headers are not longer than their bytes");
  for (const auto& header : rebuilt) {
    require(view.get(header.name).has_value(), "a header that was set is there");
    require(rebuilt.get(header.name) == header.value, "a header is found by its name");
  }
  const auto names = std::vector<std::string>{"tenant", encoded.empty() ? "" : std::string(encoded.substr(0, 3))};
  for (const auto& name : names) {
    rebuilt.set(name, "v");
    require(rebuilt.get(name) == "v", "a header that was set is there");
    rebuilt.remove(name);
    require(!rebuilt.get(name), "a header that was removed is not");
  }
  EnvelopeView event{.id = "1", .type = "t"};
  event.headers = view;
  (void)validate(event, 1 << 20).has_value();
}

std::vector<std::string> seeds() {
  const auto event = full_event(1);
  return {std::string(event.headers.view().encoded())};
}

}  // namespace tidings::fuzzing
