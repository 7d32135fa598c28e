#include <algorithm>

#include "commands.hpp"
#include "dashboard/observation.hpp"
#include "json_line.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

std::string to_json(const TopicInfo& topic, const std::string& name) {
  std::vector<std::string> partitions;
  partitions.reserve(topic.partitions.size());
  for (const auto& partition : topic.partitions)
    partitions.push_back(JsonLine()
                             .add("partition", partition.partition.value)
                             .add("earliest", partition.earliest.value)
                             .add("end", partition.end.value)
                             .str());
  return JsonLine()
             .add("topic", name)
             .add("durability", to_string(topic.durability))
             .add("event_bytes_max", topic.event_bytes_max)
             .add("events", events_kept(topic))
             .raw("retention", JsonLine()
                                   .add("bytes", topic.retention.bytes)
                                   .add("age", to_iso8601(topic.retention.age))
                                   .raw("waits_for_groups", topic.retention.waits_for_groups ? "true" : "false")
                                   .str())
             .raw("partitions", json_array(partitions))
             .str() +
         "\n";
}

std::string to_json(const GroupInfo& group, const std::string& topic, const std::string& name) {
  std::vector<std::string> partitions;
  partitions.reserve(group.partitions.size());
  for (const auto& one : group.partitions)
    partitions.push_back(JsonLine()
                             .add("partition", one.partition.value)
                             .add("position", one.position.value)
                             .add("end", one.end.value)
                             .add("earliest", one.earliest.value)
                             .add("lag", one.lag())
                             .add("lost", one.lost())
                             .add("settled_beyond", one.settled_beyond)
                             .add("handled", one.handled)
                             .add("parked", one.parked)
                             .add("expired", one.expired)
                             .add("skipped", one.skipped)
                             .add("gaps", one.gaps)
                             .raw("owned", one.owned ? "true" : "false")
                             .str());
  return JsonLine()
             .add("group", name)
             .add("topic", topic)
             .add("lag", group.lag())
             .add("lost", group.lost())
             .raw("partitions", json_array(partitions))
             .str() +
         "\n";
}

std::string to_text(const Retention& retention) {
  if (retention.is_for_ever())
    return retention.waits_for_groups ? ", kept for ever; once bounded, groups are waited for" : "";
  std::string text = ", kept";
  if (retention.age != Duration{}) text += " for " + tidings::to_text(retention.age);
  if (retention.bytes != 0)
    text += std::string(retention.age != Duration{} ? " and" : "") + " up to " + bytes_text(retention.bytes) +
            " a partition";
  return text + (retention.waits_for_groups ? ", groups are waited for" : "");
}

struct Listing {
  std::vector<TopicInfo> topics;
  std::vector<GroupInfo> groups;
  std::vector<Error> damaged;
};

/// What is damaged is told, and hides nothing else.
template <class Info>
void take_damaged(std::vector<Info>& infos, std::vector<Error>& damaged) {
  for (const auto& one : infos)
    if (one.error) damaged.push_back(*one.error);
  std::erase_if(infos, [](const Info& one) { return one.error.has_value(); });
}

Result<Listing> list(const Common& common, const std::string& topic, bool with_groups) {
  if (auto valid = check_names(common, topic); !valid) return valid.error();
  auto broker = open(common, false);
  if (!broker) return broker.error();
  Listing listing;
  if (topic.empty()) {
    auto all = (*broker)->topics();
    if (!all) return all.error();
    for (auto& one : *all)
      if (!unnamed(common, one.name).empty()) listing.topics.push_back(std::move(one));
  } else {
    auto one = (*broker)->topic(named(common, topic));
    if (!one) return one.error();
    listing.topics.push_back(std::move(*one));
  }
  take_damaged(listing.topics, listing.damaged);
  if (with_groups)
    for (const auto& one : listing.topics) {
      auto groups = (*broker)->groups(one.name);
      if (!groups) return groups.error();
      std::ranges::move(*groups, std::back_inserter(listing.groups));
    }
  take_damaged(listing.groups, listing.damaged);
  return listing;
}

/// Runs `show` over what there is; prints `nothing` on standard error where it shows nothing.
template <class Show>
int show_all(const Common& common, const std::string& topic, bool with_groups, std::string_view nothing, Show show) {
  auto listing = list(common, topic, with_groups);
  if (!listing && listing.error().code == "unknown_topic" && (topic == "list" || topic == "ls"))
    return fail({"unknown_topic", "there is no topic '" + topic + "'; leave it out, and all are listed"});
  if (!listing) return fail(listing.error());
  const auto text = show(*listing);
  for (const auto& error : listing->damaged) complain(error);
  if (text.empty() && listing->damaged.empty()) complain(nothing);
  const auto printed = print(text);
  return listing->damaged.empty() ? printed : failed;
}

/// Events that retention took from a group, or that expired, are rare, and have a column where there are any.
void leave_out_if_none(std::vector<std::string>& heading, std::vector<std::vector<std::string>>& rows,
                       std::string_view title) {
  const auto at = std::ranges::find(heading, title) - heading.begin();
  if (std::ranges::any_of(rows, [&](const auto& row) { return row[static_cast<std::size_t>(at)] != "0"; })) return;
  heading.erase(heading.begin() + at);
  for (auto& row : rows) row.erase(row.begin() + at);
}

struct Sums {
  std::uint64_t position = 0, end = 0, handled = 0, parked = 0, expired = 0, skipped = 0;
  std::size_t owned = 0;
};

Sums sums_of(const GroupInfo& group) {
  Sums sums;
  for (const auto& one : group.partitions) {
    sums.position += one.position.value;
    sums.end += one.end.value;
    sums.handled += one.handled;
    sums.parked += one.parked;
    sums.expired += one.expired;
    sums.skipped += one.skipped;
    sums.owned += one.owned ? 1 : 0;
  }
  return sums;
}

}  // namespace

int topics(const Common& common, const ListArguments& arguments) {
  return show_all(common, arguments.topic, false, "no topics yet; publish to one", [&](const Listing& listing) {
    std::string out;
    if (common.json) {
      for (const auto& topic : listing.topics) out += to_json(topic, unnamed(common, topic.name));
      return out;
    }
    std::vector<std::vector<std::string>> rows;
    if (!arguments.topic.empty()) {
      for (const auto& one : listing.topics.front().partitions)
        rows.push_back({std::to_string(one.partition.value), std::to_string(one.earliest.value),
                        std::to_string(one.end.value), std::to_string(one.end.value - one.earliest.value)});
      const auto& topic = listing.topics.front();
      return unnamed(common, topic.name) + ": " + std::string(to_string(topic.durability)) + ", events up to " +
             std::to_string(topic.event_bytes_max) + " bytes" + to_text(topic.retention) + "\n" +
             table({">partition", ">earliest", ">end", ">events"}, rows);
    }
    for (const auto& topic : listing.topics)
      rows.push_back({unnamed(common, topic.name), std::to_string(topic.partitions.size()),
                      std::to_string(events_kept(topic)), std::string(to_string(topic.durability))});
    return rows.empty() ? out : table({"topic", ">partitions", ">events", "durability"}, rows);
  });
}

int groups(const Common& common, const ListArguments& arguments) {
  return show_all(common, arguments.topic, true, "no groups yet; a subscriber makes one", [&](const Listing& listing) {
    std::string out;
    std::vector<std::vector<std::string>> rows;
    for (const auto& group : listing.groups) {
      const auto name = unnamed(common, group.group), topic = unnamed(common, group.topic);
      if (name.empty()) continue;
      if (common.json) out += to_json(group, topic, name);
      for (const auto& one : group.partitions)
        rows.push_back({name, topic, std::to_string(one.partition.value), std::to_string(one.position.value),
                        std::to_string(one.end.value), std::to_string(one.handled), std::to_string(one.parked),
                        std::to_string(one.expired), std::to_string(one.skipped), one.owned ? "yes" : "no",
                        std::to_string(one.lost())});
    }
    if (common.json || rows.empty()) return out;
    std::vector<std::string> heading{"group",   "topic",    ">partition", ">position", ">end", ">handled",
                                     ">parked", ">expired", ">skipped",   "held",      ">lost"};
    for (const auto* const title : {">expired", ">lost"}) leave_out_if_none(heading, rows, title);
    return table(heading, rows);
  });
}

int lag(const Common& common, const ListArguments& arguments) {
  return show_all(common, arguments.topic, true, "no groups yet; a subscriber makes one", [&](const Listing& listing) {
    std::string out;
    std::vector<std::vector<std::string>> rows;
    for (const auto& group : listing.groups) {
      const auto name = unnamed(common, group.group), topic = unnamed(common, group.topic);
      if (name.empty()) continue;
      if (common.json) out += to_json(group, topic, name);
      const auto sums = sums_of(group);
      rows.push_back({name, topic, std::to_string(group.lag()), std::to_string(sums.position), std::to_string(sums.end),
                      std::to_string(sums.handled), std::to_string(sums.parked), std::to_string(sums.expired),
                      std::to_string(sums.skipped),
                      std::to_string(sums.owned) + " of " + std::to_string(group.partitions.size()),
                      std::to_string(group.lost())});
    }
    if (common.json || rows.empty()) return out;
    std::vector<std::string> heading{"group",   "topic",    ">lag",     ">position", ">end", ">handled",
                                     ">parked", ">expired", ">skipped", ">held",     ">lost"};
    for (const auto* const title : {">expired", ">lost"}) leave_out_if_none(heading, rows, title);
    return table(heading, rows);
  });
}

}  // namespace tidings::cli
