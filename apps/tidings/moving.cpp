#include "moving.hpp"

#include <algorithm>

#include "output.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

/// A topic that is not there, with the nearest that is: not every broker looks for it.
Error unknown_topic(Broker& broker, const Common& common, const std::string& topic, const Error& why) {
  const auto all = broker.topics();
  if (why.code != "unknown_topic" || !all) return why;
  std::vector<std::string> names;
  for (const auto& one : *all)
    if (auto name = unnamed(common, one.name); !name.empty()) names.push_back(std::move(name));
  const auto near = nearest(topic, names);
  return Error{why.code, "there is no topic '" + printable(topic) + "'; " +
                             (near.empty() ? "`tidings topics` lists those that there are"
                                           : "did you mean '" + printable(near) + "'?")};
}

std::vector<Offset> positions_of(const GroupInfo& group) {
  std::vector<Offset> positions;
  for (const auto& one : group.partitions) {
    if (positions.size() <= one.partition.value) positions.resize(one.partition.value + 1);
    positions[one.partition.value] = one.position;
  }
  return positions;
}

}  // namespace

Result<GroupInfo> known_group(Broker& broker, const Common& common, const std::string& topic, const std::string& group,
                              const std::string& otherwise) {
  auto known = broker.groups(named(common, topic));
  if (!known) return unknown_topic(broker, common, topic, known.error());
  std::vector<std::string> names;
  for (auto& one : *known) {
    if (one.group == named(common, group)) return std::move(one);
    if (auto name = unnamed(common, one.group); !name.empty()) names.push_back(std::move(name));
  }
  const auto near = nearest(group, names);
  return Error{"unknown_group", "topic " + topic + " has no group '" + printable(group) + "'; " +
                                    (near.empty() ? otherwise : "did you mean '" + std::string(near) + "'?")};
}

Result<MovedGroup> move_group(Broker& broker, const Common& common, GroupInfo before, const Start& to,
                              MovedInbox* inbox, bool replays) {
  const auto topic = unnamed(common, before.topic), group = unnamed(common, before.group);
  if (auto moved = broker.seek(before.topic, before.group, to); !moved) return moved.error();
  auto after = known_group(broker, common, topic, group, "");
  if (!after) return after.error();
  MovedGroup out{.before = std::move(before), .after = std::move(*after)};
  if (inbox == nullptr) return out;
  // Only now it is known where a time is. The group has no members, who might begin there meanwhile.
  auto fine = replays ? inbox->forget(out.after) : Result<std::uint64_t>(0);
  if (auto allowed = replays ? Result<>{} : inbox->allows(out.after); !allowed) fine = allowed.error();
  if (!fine) {
    auto back = broker.seek(out.before.topic, out.before.group, Start::each(positions_of(out.before)));
    if (!back) complain("the group is left where it was moved to: " + to_string(back.error()));
    return fine.error();
  }
  out.forgotten = *fine;
  return out;
}

}  // namespace tidings::cli
