#include "service/dead_journal.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "tidings/base/text.hpp"

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

enum class Entry { another, read, damaged };

template <class Event, class Read>
Entry read_as(const EnvelopeView& envelope, const FindBook& find, Read read) {
  if (!is<Event>(envelope)) return Entry::another;
  auto event = decode_event<Event>(envelope);
  if (!event || event->topic.empty()) return Entry::damaged;
  if (auto* book = find(event->topic, event->partition)) read(*book, *event);
  return Entry::read;
}

/// `NAMESPACE.SERVICE.HANDLER` is the service's; tools carry out what nobody holds.
bool is_of_group(std::string_view source, std::string_view group) {
  if (source == tools_source) return true;
  if (source.empty()) return false;
  for (auto at = group.find(source); at != std::string_view::npos; at = group.find(source, at + 1))
    if ((at == 0 || group[at - 1] == '.') && group.substr(at + source.size()).starts_with('.')) return true;
  return false;
}

}  // namespace

bool read_entry(const Delivery& entry, std::string_view group, const FindBook& find) {
  const auto& envelope = entry.envelope;
  if (envelope.type.starts_with("tidings.dead-letters.")) {
    if (!is_of_group(envelope.source, group)) return false;
    const auto plainly = [](Book& book, const auto& event) { book.read(event); };
    auto how =
        read_as<DeadTaken>(envelope, find, [&](Book& book, const DeadTaken& taken) { book.read(taken, envelope.id); });
    if (how == Entry::another) how = read_as<DeadBegun>(envelope, find, plainly);
    if (how == Entry::another) how = read_as<DeadClosed>(envelope, find, plainly);
    if (how == Entry::another) how = read_as<DeadFailed>(envelope, find, plainly);
    if (how == Entry::another) how = read_as<DeadDone>(envelope, find, plainly);
    return how == Entry::read;
  }
  const auto letter = letter_of(envelope, group);
  if (!letter) return false;
  if (auto* book = find(letter->topic, letter->partition)) book->read(*letter, entry.id.offset.value);
  return true;
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
  auto there = partitions();
  {
    const std::scoped_lock lock(mutex_);
    if (!there || (*there != 0 && is_checked_)) return there;
  }
  TopicOptions options;
  std::string_view largest;
  for (const auto& name : origins) {
    auto origin = broker().topic(name);
    if (!origin && *there != 0) return there;
    if (!origin) return origin.error();
    options.partitions = std::max(options.partitions, static_cast<std::uint32_t>(origin->partitions.size()));
    options.durability = std::max(options.durability.value_or(origin->durability), origin->durability);
    if (const auto needed = origin->event_bytes_max + letter_headers_bytes_max; needed > options.event_bytes_max)
      options.event_bytes_max = needed, largest = name;
  }
  if (*there != 0) {
    warn_if_small(largest, options.event_bytes_max);
    return there;
  }
  if (auto made = broker().create_topic(name_, options); !made)
    if (made.error().code != "topic_exists_with") return made.error();  // another member of the group was first
  return partitions();
}

/// It was made by somebody else, or for events of another topic: what is larger cannot be parked, and holds up its key.
void DeadTopic::warn_if_small(std::string_view origin, std::size_t needed) {
  const auto info = broker().topic(name_);
  if (!info) return;
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(is_checked_, true)) return;
  }
  if (info->event_bytes_max >= needed) return;
  host_.say(LogLevel::warning,
            name_ + " takes events of up to " + bytes_text(info->event_bytes_max) + ", and those of " +
                std::string(origin) + " need up to " + bytes_text(needed) +
                " with why they are parked: a larger one cannot be parked, and its key waits. Drive again or drop what "
                "stands there, and delete the topic: it is made anew as it must be");
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
    is_checked_ = false;
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
  std::size_t strangers = 0;
  std::string first;
  auto read = read_through(
      broker(), name_, 0, ends,
      [&](const Delivery& entry) {
        if (read_entry(entry, group_, find) || ++strangers > 1) return;
        first = std::to_string(entry.id.partition.value) + "/" + std::to_string(entry.id.offset.value);
      },
      goes_on);
  if (strangers > 0)
    host_.say(LogLevel::warning, name_ + " has " + std::to_string(strangers) +
                                     (strangers == 1 ? " event that is" : " events that are") +
                                     " none of the group's, or cannot be read, and counts for nothing; the first is " +
                                     first + ". Nobody but the service is to write there");
  return read;
}

}  // namespace tidings::service
