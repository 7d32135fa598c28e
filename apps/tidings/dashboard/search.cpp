#include "dashboard/search.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <utility>

#include "dashboard/event_json.hpp"
#include "output.hpp"
#include "reading.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t slice_first = 500, slice_max = 16'000;
constexpr Duration first_slice_max = 5s;  // beyond the step's time: each step gets somewhere
constexpr Duration quiet_max = 600ms;     // an end may be no event

struct Part {
  std::uint64_t earliest = 0;
  std::uint64_t upper = 0;  // nothing at or beyond it is left to be looked at
};

struct Hit {
  TimePoint appended{};
  std::string topic;
  std::uint32_t partition = 0;
  std::uint64_t offset = 0;
  std::string json;
};

/// A topic, as far as it has been looked at.
struct Depth {
  std::string topic;
  std::map<std::uint32_t, Part> parts;
  std::uint64_t slice = slice_first;
  TimePoint bound = TimePoint::max();  // what is left is not newer
  std::vector<Hit> hits;               // the oldest first

  [[nodiscard]] bool is_done() const {
    return std::ranges::all_of(parts, [](const auto& one) { return one.second.upper <= one.second.earliest; });
  }
};

class Search {
 public:
  Search(Broker& broker, const Common& common, const EventFilter& filter, const SearchBounds& bounds, Clock& clock)
      : broker_(broker),
        common_(common),
        filter_(filter),
        bounds_(bounds),
        clock_(clock),
        until_(clock.steady_now() + bounds.time_max) {}

  Result<Found> run(const Observation& seen, const std::string& cursor) {
    for (const auto& topic : seen.topics) {
      if (!filter_.means_topic(topic.name)) continue;
      Depth depth{.topic = topic.name, .parts = {}, .hits = {}};
      for (const auto& one : topic.partitions)
        depth.parts[one.partition.value] = {.earliest = one.earliest.value, .upper = one.end.value};
      depths_.push_back(std::move(depth));
    }
    for (const auto& one : seen.damaged)
      if (one.group.empty() && filter_.means_topic(one.topic)) found_.damaged.emplace(one.topic, one.message);
    if (auto taken = take_cursor(cursor); !taken) return taken.error();
    if (filter_.to && cursor.empty())
      for (auto& depth : depths_)
        if (auto moved = move_to(depth, *seen.topic(depth.topic), *filter_.to); !moved) return moved.error();
    while (found_.events.size() < bounds_.limit) {
      // The newest that is left is either a hit, or in a topic that has not been looked at so far down.
      Depth* deepest = nullptr;
      Depth* newest = nullptr;
      for (auto& depth : depths_) {
        if (!depth.is_done() && (deepest == nullptr || depth.bound > deepest->bound)) deepest = &depth;
        if (!depth.hits.empty() && (newest == nullptr || depth.hits.back().appended > newest->hits.back().appended))
          newest = &depth;
      }
      const bool is_out =
          !is_first_slice_ && (found_.searched >= bounds_.searched_max || clock_.steady_now() >= until_);
      if (newest != nullptr && (deepest == nullptr || newest->hits.back().appended >= deepest->bound || is_out)) {
        found_.events.push_back(std::move(newest->hits.back().json));
        newest->hits.pop_back();
        continue;
      }
      if (deepest == nullptr || is_out) break;
      if (auto read = look_down(*deepest); !read) return read.error();
    }
    end();
    return std::move(found_);
  }

 private:
  /// The next slice of each partition.
  Result<> look_down(Depth& depth) {
    std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> slices;
    std::map<std::uint32_t, std::uint64_t> ends;
    std::vector<Offset> from;
    const auto each = std::max<std::uint64_t>(1, depth.slice / std::max<std::size_t>(depth.parts.size(), 1));
    for (auto& [number, part] : depth.parts) {
      if (from.size() <= number) from.resize(number + 1, Offset{offset_max});
      if (part.upper <= part.earliest) continue;
      const auto low = part.upper > part.earliest + each ? part.upper - each : part.earliest;
      from[number] = Offset{low};
      ends[number] = part.upper;
      slices[number] = {low, part.upper};
    }
    depth.slice = std::min(depth.slice * 2, slice_max);
    std::vector<Hit> hits;
    auto bound = TimePoint::min();
    std::map<std::uint32_t, TimePoint> oldest;
    std::map<std::uint32_t, std::uint64_t> reached;
    bool is_damaged = false;
    const auto until = std::exchange(is_first_slice_, false) ? until_ + first_slice_max : until_;
    auto read =
        read_up_to(broker_, named(common_, depth.topic), std::move(ends),
                   {.from = Start::each(from),
                    .quiet_max = quiet_max,
                    .goes_on = [&] { return clock_.steady_now() < until; },
                    .on_damage =
                        [&](const Error& why) {
                          is_damaged = true;
                          found_.damaged.emplace(depth.topic, to_string(why));
                        }},
                   [&](const Delivery& delivery) {
                     const auto at = slices.find(delivery.id.partition.value);
                     const auto offset = delivery.id.offset.value;
                     if (at == slices.end() || offset < at->second.first || offset >= at->second.second) return;
                     ++found_.searched;
                     reached[at->first] = offset + 1;
                     oldest.try_emplace(at->first, delivery.appended);
                     if (!filter_.means(delivery)) return;
                     hits.push_back({.appended = delivery.appended,
                                     .topic = depth.topic,
                                     .partition = at->first,
                                     .offset = offset,
                                     .json = event_json(delivery, depth.topic, Wholeness::listed, common_.showing)});
                   });
    if (!read) {
      if (read.error().code != "unknown_topic") return read.error();
      depth.parts.clear();
      return {};
    }
    for (const auto& [number, slice] : slices) {
      auto& part = depth.parts[number];
      // What lies behind the place where time was up is newer than what was found before it: looked at again.
      if (*read == ReadEnd::ended && reached[number] < slice.second) {
        std::erase_if(hits, [&](const Hit& one) { return one.partition == number; });
        bound = std::max(bound, depth.bound);
        continue;
      }
      part.upper = slice.first;
      const auto first = oldest.find(number);
      if (is_damaged && first == oldest.end())
        part.upper = part.earliest;  // it is the damaged one: nothing comes of it
      // Before the time that is asked for nothing is.
      if (first != oldest.end() && filter_.from && first->second < *filter_.from) part.upper = part.earliest;
      if (part.upper > part.earliest) bound = std::max(bound, first == oldest.end() ? depth.bound : first->second);
    }
    depth.bound = bound;
    std::ranges::stable_sort(hits, {},
                             [](const Hit& one) { return std::tuple(one.appended, one.partition, one.offset); });
    hits.insert(hits.end(), std::make_move_iterator(depth.hits.begin()), std::make_move_iterator(depth.hits.end()));
    std::ranges::stable_sort(hits, {}, &Hit::appended);
    depth.hits = std::move(hits);
    return {};
  }

  /// What was appended at `to` or later is passed over.
  Result<> move_to(Depth& depth, const TopicInfo& info, TimePoint to) {
    auto topic = info;
    topic.name = named(common_, info.name);
    const auto places =
        places_of(broker_, topic, Start::time(to),
                  {.quiet_max = quiet_max,
                   .goes_on = [&] { return clock_.steady_now() < until_; },
                   .on_damage = [&](const Error& why) { found_.damaged.emplace(depth.topic, to_string(why)); }});
    if (!places && places.error().code != "unknown_topic") return places.error();
    for (auto& [number, part] : depth.parts)
      if (places && number < places->size()) part.upper = std::min(part.upper, (*places)[number].value);
    return {};
  }

  /// `TOPIC:PARTITION:OFFSET,…`, of what is not done.
  void end() {
    std::string cursor;
    bool is_complete = true;
    for (auto& depth : depths_) {
      for (const auto& hit : depth.hits) {  // found, and not given: looked at again
        auto& upper = depth.parts[hit.partition].upper;
        upper = std::max(upper, hit.offset + 1);
      }
      for (const auto& [number, part] : depth.parts) {
        if (part.upper <= part.earliest) continue;
        is_complete = false;
        cursor +=
            (cursor.empty() ? "" : ",") + depth.topic + ":" + std::to_string(number) + ":" + std::to_string(part.upper);
      }
    }
    found_.is_complete = is_complete && found_.damaged.empty();
    found_.cursor = std::move(cursor);
  }

  Result<> take_cursor(const std::string& cursor) {
    if (cursor.empty()) return {};
    std::map<std::pair<std::string, std::uint32_t>, std::uint64_t> uppers;
    for (std::size_t begin = 0; begin < cursor.size();) {
      const auto end = std::min(cursor.find(',', begin), cursor.size());
      const auto one = std::string_view(cursor).substr(begin, end - begin);
      begin = end + 1;
      const auto last = one.rfind(':');
      const auto before = last == one.npos ? one.npos : one.rfind(':', last - 1);
      std::uint32_t partition = 0;
      std::uint64_t offset = 0;
      const auto number = [&](std::string_view text, auto& into) {
        const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), into);
        return error == std::errc{} && stop == text.data() + text.size();
      };
      if (before == one.npos || last == 0 || !number(one.substr(before + 1, last - before - 1), partition) ||
          !number(one.substr(last + 1), offset))
        return Error{"invalid_cursor", "this is no cursor of a search; leave it out, to begin anew"};
      uppers[{std::string(one.substr(0, before)), partition}] = offset;
    }
    for (auto& depth : depths_)
      for (auto& [number, part] : depth.parts) {
        const auto at = uppers.find({depth.topic, number});
        part.upper = at == uppers.end() ? part.earliest : std::min(part.upper, at->second);
      }
    return {};
  }

  static constexpr std::uint64_t offset_max = std::uint64_t{1} << 62;

  Broker& broker_;
  const Common& common_;
  const EventFilter& filter_;
  const SearchBounds& bounds_;
  Clock& clock_;
  const SteadyTime until_;
  bool is_first_slice_ = true;
  std::vector<Depth> depths_;
  Found found_;
};

}  // namespace

Result<Found> search(Broker& broker, const Common& common, const Observation& seen, const EventFilter& filter,
                     const std::string& cursor, const SearchBounds& bounds, Clock& clock) {
  return Search(broker, common, filter, bounds, clock).run(seen, cursor);
}

Result<std::optional<Delivery>> event_at(Broker& broker, const Common& common, const std::string& topic,
                                         Partition partition, Offset offset) {
  const auto name = named(common, topic);
  auto info = broker.topic(name);
  if (!info) return info.error();
  const auto at = std::ranges::find(info->partitions, partition, &PartitionInfo::partition);
  std::optional<Delivery> found;
  if (at == info->partitions.end() || offset < at->earliest || offset >= at->end) return found;
  std::vector<Offset> from(partition.value + 1);
  for (const auto& one : info->partitions) {
    if (from.size() <= one.partition.value) from.resize(one.partition.value + 1);
    from[one.partition.value] = one.partition == partition ? offset : one.end;
  }
  auto read = read_up_to(broker, name, {{partition.value, offset.value + 1}},
                         {.from = Start::each(from), .goes_on = {}}, [&](const Delivery& one) {
                           if (one.id.partition == partition && one.id.offset == offset) found = one;
                         });
  if (!read) return read.error();
  return found;
}

}  // namespace tidings::cli
