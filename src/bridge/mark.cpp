#include "bridge/mark.hpp"

#include <charconv>

#include "tidings/bridge/bridge.hpp"

namespace tidings::bridge {

std::string to_text(const Mark& mark) {
  return std::string(mark.bridge) + " " + std::to_string(mark.partition.value) + " " +
         std::to_string(mark.offset.value);
}

std::optional<Mark> mark_of(const EnvelopeView& event) {
  if (event.headers.empty()) return std::nullopt;
  const auto text = event.headers.get(bridged_header);
  if (!text) return std::nullopt;
  const auto first = text->find(' ');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = text->find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  Mark mark{.bridge = text->substr(0, first), .partition = {}, .offset = {}};
  const auto* const end = text->data() + text->size();
  const auto partition = std::from_chars(text->data() + first + 1, text->data() + second, mark.partition.value);
  const auto offset = std::from_chars(text->data() + second + 1, end, mark.offset.value);
  if (partition.ec != std::errc{} || partition.ptr != text->data() + second || offset.ec != std::errc{} ||
      offset.ptr != end)
    return std::nullopt;
  return mark;
}

}  // namespace tidings::bridge
