#include <algorithm>

#include "commands.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

/// What the options say, over what there is.
Result<Retention> retention_of(const TopicArguments& arguments, Retention retention) {
  if (!arguments.retain_bytes.empty()) {
    auto bytes = parse_bytes(arguments.retain_bytes);
    if (!bytes) return bytes.error();
    retention.bytes = *bytes;
  }
  if (!arguments.retain_age.empty()) {
    auto age = parse_duration(arguments.retain_age);
    if (!age) return age.error();
    retention.age = *age;
  }
  retention.waits_for_groups = arguments.wait_for_groups.value_or(retention.waits_for_groups);
  if (auto valid = validate(retention); !valid) return valid.error();
  return retention;
}

bool names_retention(const TopicArguments& arguments) {
  return !arguments.retain_bytes.empty() || !arguments.retain_age.empty() || arguments.wait_for_groups;
}

}  // namespace

int create_topic(const Common& common, const TopicArguments& arguments) {
  if (auto valid = check_names(common, arguments.topic); !valid) return fail(valid.error());
  TopicOptions options{.partitions = arguments.partitions};
  if (!arguments.durability.empty()) {
    auto durability = parse_durability(arguments.durability);
    if (!durability) return fail(durability.error());
    options.durability = *durability;
  }
  if (arguments.event_bytes_max) options.event_bytes_max = *arguments.event_bytes_max;
  if (names_retention(arguments)) {
    auto retention = retention_of(arguments, {});
    if (!retention) return fail(retention.error());
    options.retention = *retention;
  }
  if (auto valid = validate(options); !valid) return fail(valid.error());
  auto broker = open(common, true);
  if (!broker) return fail(broker.error());
  auto created = (*broker)->create_topic(named(common, arguments.topic), options);
  return created ? done : fail(created.error());
}

int alter_topic(const Common& common, const TopicArguments& arguments) {
  if (auto valid = check_names(common, arguments.topic); !valid) return fail(valid.error());
  if (!names_retention(arguments)) {
    complain("nothing to change; give --retain-bytes, --retain-age or --wait-for-groups");
    return wrong_usage;
  }
  if (auto valid = retention_of(arguments, {}); !valid) return fail(valid.error());
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  const auto name = named(common, arguments.topic);
  auto topic = (*broker)->topic(name);
  if (!topic) return fail(topic.error());
  auto retention = retention_of(arguments, topic->retention);
  if (!retention) return fail(retention.error());
  auto changed = (*broker)->set_retention(name, *retention);
  return changed ? done : fail(changed.error());
}

int delete_topic(const Common& common, const TopicArguments& arguments) {
  if (auto valid = check_names(common, arguments.topic); !valid) return fail(valid.error());
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  const auto name = named(common, arguments.topic);
  if (!arguments.yes) {
    auto topic = (*broker)->topic(name);
    if (!topic && topic.error().code == "corrupt")
      return fail({"corrupt", topic.error().message + ". To delete it with all that is in it, add --yes"});
    if (!topic) return fail(topic.error());
    std::uint64_t events = 0;
    for (const auto& partition : topic->partitions) events += partition.end.value - partition.earliest.value;
    if (events > 0)
      return fail({"not_empty", "topic " + arguments.topic + " has " + std::to_string(events) +
                                    (events == 1 ? " event" : " events") +
                                    ", and nothing brings them back; add --yes to delete it with them"});
  }
  auto deleted = (*broker)->delete_topic(name);
  return deleted ? done : fail(deleted.error());
}

int seek(const Common& common, const SeekArguments& arguments) {
  if (auto valid = check_names(common, arguments.topic, arguments.group); !valid) return fail(valid.error());
  auto to = parse_start(arguments.to);
  if (!to) return fail(to.error());
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  const auto topic = named(common, arguments.topic), group = named(common, arguments.group);
  // A group that is misspelt must not become one.
  auto known = (*broker)->groups(topic);
  if (!known) return fail(known.error());
  std::vector<std::string> names;
  for (const auto& one : *known)
    if (auto name = unnamed(common, one.group); !name.empty()) names.push_back(std::move(name));
  if (std::ranges::find(names, arguments.group) == names.end()) {
    const auto near = nearest(arguments.group, names);
    return fail({"unknown_group", "topic " + arguments.topic + " has no group '" + printable(arguments.group) + "'" +
                                      (near.empty() ? "; subscribe it, with --from where it shall begin"
                                                    : "; did you mean '" + std::string(near) + "'?")});
  }
  auto moved = (*broker)->seek(topic, group, *to);
  return moved ? done : fail(moved.error());
}

}  // namespace tidings::cli
