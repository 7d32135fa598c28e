#include "service/unheld_letters.hpp"

#include <utility>

#include "service/dead_letter.hpp"
#include "service/delays.hpp"
#include "tidings/event/make_envelope.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

constexpr std::size_t gathered_max = 256;
constexpr std::size_t closed_max = 40;  // of one event, which fits wherever a small letter does

template <class Event>
Result<> add_to(std::vector<Envelope>& events, const Event& event) {
  auto made = make_envelope(event, {.source = std::string(tools_source)});
  if (!made) return made.error();
  events.push_back(std::move(*made));
  return {};
}

}  // namespace

UnheldLetters::UnheldLetters(Broker& broker, std::string journal, std::string_view group, std::string id,
                             DeadLetterRequest request, std::string_view name_space)
    : broker_(broker),
      journal_(std::move(journal)),
      group_(group),
      id_(std::move(id)),
      request_(std::move(request)),
      waits_in_(group == in_namespace(name_space, delays_group) ? Delays::topic_of(name_space, 0) : "") {}

Result<> UnheldLetters::add(const DeadLetter& letter) {
  const bool drops = request_.action == DeadLetterRequest::Action::drop;
  if (!drops && waits_in_.empty())
    return Error{"unsupported", "what group " + group_ +
                                    " parked cannot be driven again: its processes have no name and each get every "
                                    "event, so that there is none to be given it; publish it anew if that helps, and "
                                    "drop it here (tidings dead-letters drop)"};
  const auto told = letter_of(letter.delivery.envelope, group_);
  if (!told) return {};
  auto [found, is_first] = places_.try_emplace({std::string(letter.topic), letter.partition.value});
  auto& place = found->second;
  if (is_first) {
    place.journal = letter.delivery.id.partition.value;
    place.closed = {.topic = std::string(letter.topic),
                    .partition = letter.partition.value,
                    .hold = {},
                    .request = id_,
                    .redriven = {},
                    .dropped = {}};
    std::vector<Envelope> events;
    if (auto added = add_to(events, DeadBegun{.topic = place.closed.topic,
                                              .partition = place.closed.partition,
                                              .hold = {},
                                              .request = id_,
                                              .what = request_});
        !added)
      return added;
    if (auto published = publish(place.journal, events); !published) return published;
  }
  (drops ? place.closed.dropped : place.closed.redriven).push_back({0, letter.offset.value, false});
  if (!drops) back_.push_back(event_of(letter.delivery, *told, 0));
  return ++gathered_ < gathered_max ? Result<>{} : write();
}

/// First they are where they go, then they are no longer parked.
Result<> UnheldLetters::write() {
  if (!back_.empty()) {
    std::vector<EnvelopeView> views;
    for (const auto& event : back_) views.push_back(event.envelope);
    auto published = broker_.publish(waits_in_, views);
    if (!published && published.error().code == "unknown_topic") {  // somebody deleted it
      if (auto made = broker_.create_topic(waits_in_, {}); !made) return made;
      published = broker_.publish(waits_in_, views);
    }
    if (!published) return published.error();
    back_.clear();
  }
  gathered_ = 0;
  for (auto& [at, place] : places_) {
    std::vector<Envelope> events;
    for (auto* const list : {&place.closed.redriven, &place.closed.dropped}) {
      const auto all = std::exchange(*list, {});
      for (std::size_t from = 0; from < all.size(); from += closed_max) {
        const auto to = std::min(from + closed_max, all.size());
        list->assign(all.begin() + static_cast<std::ptrdiff_t>(from), all.begin() + static_cast<std::ptrdiff_t>(to));
        if (auto added = add_to(events, place.closed); !added) return added;
        list->clear();
      }
    }
    if (auto published = publish(place.journal, events); !published) return published;
  }
  return {};
}

Result<> UnheldLetters::finish() {
  if (auto written = write(); !written) return written;
  for (const auto& [at, place] : places_) {
    std::vector<Envelope> events;
    if (auto added = add_to(events, DeadDone{.topic = place.closed.topic,
                                             .partition = place.closed.partition,
                                             .hold = {},
                                             .request = id_,
                                             .given_up = {}});
        !added)
      return added;
    if (auto published = publish(place.journal, events); !published) return published;
  }
  return {};
}

Result<> UnheldLetters::publish(std::uint32_t partition, const std::vector<Envelope>& events) {
  if (events.empty()) return {};
  std::vector<EnvelopeView> views;
  for (const auto& event : events) views.push_back(event.view());
  auto published = broker_.publish(journal_, views, {.partition = Partition{partition}});
  return published ? Result<>{} : published.error();
}

}  // namespace tidings::service
