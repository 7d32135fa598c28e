#include "tidings/event/headers.hpp"

#include <utility>

namespace tidings {
namespace {

void append(std::string& out, std::string_view name, std::string_view value) {
  const auto name_size = static_cast<std::uint32_t>(name.size());
  const auto value_size = static_cast<std::uint32_t>(value.size());
  char sizes[8];
  std::memcpy(sizes, &name_size, 4);
  std::memcpy(sizes + 4, &value_size, 4);
  out.append(sizes, 8).append(name).append(value);
}

}  // namespace

void Headers::set(std::string_view name, std::string_view value) {
  std::string encoded;
  encoded.reserve(encoded_.size() + 8 + name.size() + value.size());
  bool replaced = false;
  for (const auto& header : view()) {
    if (header.name != name)
      append(encoded, header.name, header.value);
    else if (!std::exchange(replaced, true))
      append(encoded, name, value);
  }
  if (!replaced) append(encoded, name, value);
  encoded_ = std::move(encoded);
}

void Headers::remove(std::string_view name) {
  std::string encoded;
  for (const auto& header : view())
    if (header.name != name) append(encoded, header.name, header.value);
  encoded_ = std::move(encoded);
}

}  // namespace tidings
