#include "brokers/memory/chunk.hpp"

#include <cstring>
#include <utility>

namespace tidings::brokers::memory {

namespace {

template <class View, class Visit>
void for_each_text(View& view, Visit visit) {
  for (auto* text : {&view.id, &view.type, &view.source, &view.subject, &view.data_content_type, &view.data_schema,
                     &view.key, &view.correlation_id, &view.causation_id, &view.trace_parent, &view.payload})
    visit(*text);
}

std::size_t text_bytes(const EnvelopeView& event) {
  std::size_t sum = event.headers.encoded().size();
  for_each_text(event, [&](std::string_view text) { sum += text.size(); });
  return sum;
}

}  // namespace

std::size_t chunk_bytes(std::span<const EnvelopeView* const> events) {
  auto sum = sizeof(Chunk) + events.size() * sizeof(EnvelopeView);
  for (const auto* event : events) sum += text_bytes(*event);
  return sum;
}

std::shared_ptr<Chunk> make_chunk(std::span<const EnvelopeView* const> events) {
  auto chunk = std::make_shared<Chunk>();
  chunk->bytes = chunk_bytes(events);
  chunk->events.reserve(events.size());
  chunk->texts =
      std::make_unique_for_overwrite<char[]>(chunk->bytes - sizeof(Chunk) - events.size() * sizeof(EnvelopeView));
  auto* to = chunk->texts.get();
  const auto keep = [&to](std::string_view text) {
    if (text.empty()) return std::string_view{};
    std::memcpy(to, text.data(), text.size());
    return std::string_view{std::exchange(to, to + text.size()), text.size()};
  };
  for (const auto* event : events) {
    auto& copy = chunk->events.emplace_back(*event);
    for_each_text(copy, [&](std::string_view& text) { text = keep(text); });
    copy.headers = HeadersView(keep(event->headers.encoded()));
  }
  return chunk;
}

}  // namespace tidings::brokers::memory
