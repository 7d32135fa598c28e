#include "outbox/flight.hpp"

#include <algorithm>
#include <charconv>

#include "outbox/attributes.hpp"
#include "tidings/base/text.hpp"

namespace tidings::outbox {

namespace {

std::string_view text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Takes a number off the front of `text`.
template <class Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

EnvelopeView Stored::view() const {
  EnvelopeView view{.id = message_id, .type = type, .key = key, .payload = text_of(payload)};
  view.time = TimePoint{Duration{event_time}};
  view.version = static_cast<std::uint32_t>(type_version);
  decode_attributes(text_of(attributes), view);
  return view;
}

void arrange(Flight& flight, std::uint64_t& next) {
  // Within a topic as they stood: what is held of a key, and what is not, never come together.
  std::ranges::stable_sort(flight, {}, [](const Flying& flying) -> const std::string& { return flying.event.topic; });
  for (auto& flying : flight) flying.sequence = next++;
}

std::string flight_text(const Flight& flight) {
  std::string text;
  std::uint64_t next = 0;
  for (const auto& flying : flight) {
    if (flying.fate != Fate::open) continue;
    if (text.empty() || flying.sequence != next)
      text += (text.empty() ? "" : ";") + std::to_string(flying.sequence) + ':';
    else
      text += ',';
    text += std::to_string(flying.event.id);
    next = flying.sequence + 1;
  }
  return text;
}

Result<std::map<std::int64_t, std::uint64_t>> parse_flight(std::string_view text) {
  const auto whole = text;
  const auto corrupt = [&] {
    return Error{"corrupt", "an outbox's part has '" + printable(whole) + "' in flight, which no relay writes"};
  };
  std::map<std::int64_t, std::uint64_t> sequences;
  while (!text.empty()) {
    std::uint64_t sequence = 0;
    if (!take_number(text, sequence) || !text.starts_with(':')) return corrupt();
    do {
      text.remove_prefix(1);
      std::int64_t id = 0;
      if (!take_number(text, id)) return corrupt();
      sequences[id] = sequence++;
    } while (text.starts_with(','));
    if (text.empty()) break;
    if (!text.starts_with(';')) return corrupt();
    text.remove_prefix(1);
  }
  return sequences;
}

}  // namespace tidings::outbox
