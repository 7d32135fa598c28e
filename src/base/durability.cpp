#include "tidings/base/durability.hpp"

#include <string>

namespace tidings {

std::string_view to_string(Durability durability) {
  switch (durability) {
    case Durability::memory:
      return "memory";
    case Durability::interval:
      return "interval";
    case Durability::durable:
      return "durable";
  }
  return "unknown";
}

Result<Durability> parse_durability(std::string_view text) {
  for (const auto durability : {Durability::memory, Durability::interval, Durability::durable})
    if (text == to_string(durability)) return durability;
  return Error{"invalid_durability", "'" + std::string(text) + "' is no durability; write memory, interval or durable"};
}

}  // namespace tidings
