// What tools mask by: a header of pointers, and JSON of others. The first byte says how long the header is.
#include "fuzzing.hpp"
#include "real_log.hpp"
#include "tidings/event/json.hpp"
#include "tidings/event/redact.hpp"

namespace tidings::fuzzing {

void try_input(Bytes input) {
  Input taken(input);
  const auto size = taken.take<std::uint8_t>();
  const auto bytes = taken.copy();
  const auto text = text_of(bytes);
  const auto header = text.substr(0, size);
  const auto json = text.substr(header.size());
  const auto masked = redact_json(json, header);
  const auto pointers = redact_pointers(header);
  if (!pointers || !check_json(json)) return require(masked == redacted_value, "what cannot be read is masked whole");
  require(check_json(masked).has_value(), "what is masked is JSON still");
  require(redact_json(masked, header) == masked, "masked twice is masked once");
  require(redact_pointers(redact_header_of(*pointers)) == *pointers, "pointers come back from their header");
}

std::vector<std::string> seeds() {
  const auto seed = [](const std::string& header, const std::string& json) {
    return static_cast<char>(header.size()) + header + json;
  };
  return {seed("/a", R"({"a":1,"b":[{"a":2}]})"), seed("/a/*/b,/c~1d", R"({"a":{"x":{"b":1}},"c\/d":"\u0061"})"),
          seed("/%C3%A4", R"({"\u00e4":[1,2,{}]})"), seed("*", "{}")};
}

}  // namespace tidings::fuzzing
