#include <algorithm>
#include <map>
#include <set>

#include "commands.hpp"
#include "interrupt.hpp"
#include "json_line.hpp"
#include "output.hpp"
#include "place.hpp"
#include "tidings/base/text.hpp"

// `tidings trace`: what one cause set off, over all topics.
namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t in_flight = 10'000;
constexpr int quiet_max = 10;  // a topic may end with what is no event, and not every broker tells
constexpr Duration quiet_wait = 300ms;

struct Seen {
  std::string id, type, key, topic, cause, correlation;
  std::uint32_t partition = 0;
  std::uint64_t offset = 0;
  TimePoint time{};
};

/// Those of one correlation, or the one with that id, in a topic as it stands now.
class Scan {
 public:
  Scan(Broker& broker, const Common& common, const std::string& wanted, const Start& from)
      : broker_(broker), common_(common), wanted_(wanted), from_(from) {}

  Result<> run() {
    const auto topics = broker_.topics();
    if (!topics) return topics.error();
    for (const auto& topic : *topics) {
      if (caught_signal() != 0) break;
      const auto name = unnamed(common_, topic.name);
      if (name.empty() || topic.error) continue;
      if (auto ended = read(topic, name); !ended) return ended;
    }
    return {};
  }
  [[nodiscard]] std::vector<Seen>& seen() { return seen_; }

 private:
  Result<> read(const TopicInfo& topic, const std::string& name) {
    std::map<std::uint32_t, std::uint64_t> left;  // where each partition ends
    for (const auto& one : topic.partitions)
      if (one.end > one.earliest) left[one.partition.value] = one.end.value;
    if (left.empty()) return {};
    auto consumer =
        broker_.subscribe(topic.name, {.group = "", .start = from_, .in_flight_max = in_flight, .create_topic = false});
    if (!consumer) return consumer.error();
    for (int quiet = 0; !left.empty() && quiet < quiet_max && caught_signal() == 0;) {
      const auto some = (*consumer)->fetch(in_flight, quiet_wait);
      if (!some) return some.error();
      quiet = some->empty() ? quiet + 1 : 0;
      std::vector<DeliveryId> ids;
      for (const auto& one : *some) {
        ids.push_back(one.id);
        take(one, name);
        if (const auto end = left.find(one.id.partition.value);
            end != left.end() && one.id.offset.value + 1 >= end->second)
          left.erase(end);
      }
      if (!ids.empty())
        if (auto settled = (*consumer)->settle(ids); !settled) return settled;
      std::erase_if(left, [&](const auto& one) {
        const auto read_to = (*consumer)->read_to(Partition{one.first});
        return read_to && read_to->value >= one.second;
      });
      if (quiet == quiet_max && !left.empty())
        complain("topic " + printable(name) + " has given nothing for " + to_text(quiet * quiet_wait) +
                 ", before its end; what it has beyond is missing here");
    }
    return (*consumer)->close(1s);
  }
  void take(const Delivery& delivery, const std::string& topic) {
    const auto& event = delivery.envelope;
    if (event.correlation_id != wanted_ && event.id != wanted_) return;
    seen_.push_back({.id = std::string(event.id),
                     .type = std::string(event.type),
                     .key = std::string(event.key),
                     .topic = topic,
                     .cause = std::string(event.causation_id),
                     .correlation = std::string(event.correlation_id),
                     .partition = delivery.id.partition.value,
                     .offset = delivery.id.offset.value,
                     .time = event.time});
  }

  Broker& broker_;
  const Common& common_;
  const std::string& wanted_;
  const Start from_;
  std::vector<Seen> seen_;
};

/// What a tree of them prints, causes before their effects, those of one cause by their time.
class Tree {
 public:
  Tree(std::vector<Seen> seen, bool json) : seen_(std::move(seen)), json_(json) {
    std::ranges::stable_sort(seen_, {}, &Seen::time);
    std::set<std::string_view> known;
    for (const auto& one : seen_) known.insert(one.id);
    for (const auto& one : seen_)
      (known.contains(one.cause) && one.cause != one.id ? effects_[one.cause] : roots_).push_back(&one);
  }
  std::string text() {
    for (const auto* const root : roots_) add(*root, 0, nullptr);
    // Causes in a circle are no tree's; nothing is kept back for that.
    for (const auto& one : seen_) add(one, 0, nullptr);
    return std::move(out_);
  }

 private:
  void add(const Seen& one, std::size_t depth, const Seen* cause) {
    if (!shown_.insert(&one).second) return;
    if (json_)
      out_ += harmless_json(JsonLine()
                                .add("depth", static_cast<std::uint64_t>(depth))
                                .add("id", one.id)
                                .add("type", one.type)
                                .add("key", one.key)
                                .add("topic", one.topic)
                                .add("partition", one.partition)
                                .add("offset", one.offset)
                                .add("time", to_rfc3339(one.time))
                                .add("causationid", one.cause)
                                .add("correlationid", one.correlation)
                                .str()) +
              "\n";
    else
      out_ += std::string(2 * depth, ' ') + printable(one.type) + (one.key.empty() ? "" : " " + printable(one.key)) +
              "  " + one.topic + "/" + std::to_string(one.partition) + "@" + std::to_string(one.offset) + "  " +
              (cause == nullptr ? to_rfc3339(one.time) : after(one.time - cause->time)) + "  " + printable(one.id) +
              "\n";
    if (!expanded_.insert(one.id).second) return;  // the same event, in another place
    if (const auto effects = effects_.find(one.id); effects != effects_.end())
      for (const auto* const effect : effects->second) add(*effect, depth + 1, &one);
  }
  static std::string after(Duration time) {
    const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(time);
    return (whole < 0us ? "-" : "+") + to_text(Duration(whole < 0us ? -whole : whole));
  }

  std::vector<Seen> seen_;
  const bool json_;
  std::vector<const Seen*> roots_;
  std::map<std::string, std::vector<const Seen*>, std::less<>> effects_;  // by the id of their cause
  std::set<const Seen*> shown_;
  std::set<std::string_view> expanded_;
  std::string out_;
};

}  // namespace

int trace(const Common& common, const TraceArguments& arguments) {
  catch_signals();
  if (auto valid = check_names(common, ""); !valid) return fail(valid.error());
  const auto from = parse_place(arguments.from);
  if (!from) return fail(from.error());
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  Scan scan(**broker, common, arguments.id, *from);
  if (auto ended = scan.run(); !ended) return fail(ended.error());
  auto seen = std::move(scan.seen());
  // One event's id stands for all that its cause set off.
  const auto has = [&](const Seen& one) { return one.correlation == arguments.id; };
  if (!seen.empty() && std::ranges::none_of(seen, has) && !seen.front().correlation.empty()) {
    const auto correlation = seen.front().correlation;
    Scan whole(**broker, common, correlation, *from);
    if (auto ended = whole.run(); !ended) return fail(ended.error());
    seen = std::move(whole.seen());
  }
  if (caught_signal() != 0) return status_after_signals(done);
  if (seen.empty())
    return fail({"not_found", "no event has the correlation id or the id '" + printable(arguments.id) +
                                  "' in what the topics keep" +
                                  (arguments.from == "earliest" ? "" : " from " + printable(arguments.from) + " on")});
  return print(Tree(std::move(seen), common.json).text());
}

}  // namespace tidings::cli
