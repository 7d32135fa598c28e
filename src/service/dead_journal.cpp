#include "service/dead_journal.hpp"

#include <algorithm>
#include <array>

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t fetch_max = 1000;
constexpr Duration fetch_wait = 200ms;
constexpr int fetches_without_any_max = 150;

template <class Event>
bool is(const EnvelopeView& envelope) {
  return envelope.type == event_name<Event>();
}

/// What cannot be read is of a later version, or somebody else's, and is passed over: it is not ours to judge here.
template <class Event, class Read>
bool read_as(const EnvelopeView& envelope, const FindBook& find, Read read) {
  if (!is<Event>(envelope)) return false;
  if (auto event = decode_event<Event>(envelope))
    if (auto* book = find(event->topic, event->partition)) read(*book, *event);
  return true;
}

}  // namespace

void read_entry(const Delivery& entry, const FindBook& find) {
  const auto& envelope = entry.envelope;
  if (envelope.type.starts_with("tidings.dead-letters.")) {
    const auto plainly = [](Book& book, const auto& event) { book.read(event); };
    (void)(read_as<DeadTaken>(envelope, find,
                              [&](Book& book, const DeadTaken& taken) { book.read(taken, envelope.id); }) ||
           read_as<DeadBegun>(envelope, find, plainly) || read_as<DeadClosed>(envelope, find, plainly) ||
           read_as<DeadFailed>(envelope, find, plainly) || read_as<DeadDone>(envelope, find, plainly));
    return;
  }
  const auto letter = letter_of(envelope);
  if (!letter) return;
  if (auto* book = find(letter->topic, letter->partition)) book->read(*letter, entry.id.offset.value);
}

Result<> read_through(Broker& broker, const std::string& topic, std::uint64_t from, std::span<const std::uint64_t> ends,
                      const std::function<void(const Delivery&)>& visit, const std::function<bool()>& goes_on) {
  auto info = broker.topic(topic);
  if (!info) return info.error();
  std::vector<bool> reached;
  for (const auto& one : info->partitions) {
    const auto end = one.partition.value < ends.size() ? ends[one.partition.value] : 0;
    reached.push_back(end <= std::max(from, one.earliest.value));
  }
  const auto all_reached = [&] { return std::ranges::all_of(reached, [](bool one) { return one; }); };
  if (all_reached()) return {};
  auto reader = broker.subscribe(
      topic,
      {.group = "", .start = from == 0 ? Start::earliest() : Start::offset(Offset{from}), .create_topic = false});
  if (!reader) return reader.error();
  int without_any = 0;
  while (!all_reached()) {
    if (!goes_on()) return Error{"interrupted", "reading " + topic + " was ended", Retry::same_call};
    auto got = (*reader)->fetch(fetch_max, fetch_wait);
    if (!got) return got.error();
    without_any = got->empty() ? without_any + 1 : 0;
    if (without_any > fetches_without_any_max)
      return Error{"timeout", "topic " + topic + " does not come to the end that it is said to have", Retry::same_call};
    for (const auto& entry : *got) {
      const auto partition = entry.id.partition.value;
      if (partition >= reached.size() || reached[partition]) continue;
      const auto end = partition < ends.size() ? ends[partition] : 0;
      if (entry.id.offset.value < end) visit(entry);
      if (entry.id.offset.value + 1 >= end) reached[partition] = true;
    }
  }
  return {};
}

Result<std::uint32_t> DeadTopic::partitions() {
  const std::scoped_lock lock(mutex_);
  if (partitions_ != 0) return partitions_;
  auto there = broker().topic(name_);
  if (there) return partitions_ = static_cast<std::uint32_t>(there->partitions.size());
  if (there.error().code == "unknown_topic") return 0U;
  return there.error();
}

Result<std::uint32_t> DeadTopic::create(std::span<const std::string> origins) {
  if (auto there = partitions(); !there || *there != 0) return there;
  TopicOptions options;
  for (const auto& name : origins) {
    auto origin = broker().topic(name);
    if (!origin) return origin.error();
    options.partitions = std::max(options.partitions, static_cast<std::uint32_t>(origin->partitions.size()));
    options.durability = std::max(options.durability.value_or(origin->durability), origin->durability);
    options.event_bytes_max = std::max(options.event_bytes_max, origin->event_bytes_max + letter_headers_bytes_max);
  }
  if (auto made = broker().create_topic(name_, options); !made)
    if (made.error().code != "topic_exists_with") return made.error();  // another member of the group was first
  return partitions();
}

Result<std::vector<Published>> DeadTopic::publish(std::uint32_t partition, std::span<const EnvelopeView> events,
                                                  std::span<const std::string> apart) {
  auto count = partitions();
  if (!count) return count.error();
  auto published =
      broker().publish(name_, events, {.partition = Partition{partition % std::max(*count, 1U)}, .apart = apart});
  if (!published && (published.error().code == "unknown_topic" || published.error().code == "invalid_options")) {
    const std::scoped_lock lock(mutex_);
    partitions_ = 0;  // somebody deleted it, or made it anew
  }
  return published;
}

Result<> DeadTopic::take_over(const std::string& topic, std::span<const std::uint32_t> partitions,
                              std::span<Book* const> books, const std::function<bool()>& goes_on) {
  auto count = this->partitions();
  if (!count) return count.error();
  if (*count == 0) return {};
  std::vector<std::uint64_t> ends(*count, 0);
  for (const auto partition : partitions) {
    auto taken = envelope(DeadTaken{topic, partition});
    if (!taken) return taken.error();
    const std::array events{taken->view()};
    auto published = publish(partition, events);
    if (!published) return published.error();
    auto& end = ends[partition % *count];
    end = std::max(end, published->front().offset.value + 1);
  }
  const auto find = [&](std::string_view of, std::uint32_t partition) -> Book* {
    if (of != topic) return nullptr;
    const auto at = std::ranges::find(partitions, partition);
    return at == partitions.end() ? nullptr : books[static_cast<std::size_t>(at - partitions.begin())];
  };
  return read_through(broker(), name_, 0, ends, [&](const Delivery& entry) { read_entry(entry, find); }, goes_on);
}

}  // namespace tidings::service
