#include <algorithm>
#include <cstdio>
#include <optional>

#include "commands.hpp"
#include "json_line.hpp"
#include "letters_meant.hpp"
#include "moving.hpp"
#include "output.hpp"
#include "place.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

constexpr std::uint64_t event_bytes_limit = std::uint64_t{256} << 20;

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
  if (!arguments.event_bytes_max.empty()) {
    auto bytes = parse_bytes(arguments.event_bytes_max);
    if (!bytes) return fail(bytes.error());
    if (*bytes == 0 || *bytes > event_bytes_limit)
      return fail({"invalid_size", "--event-bytes-max is 1 to " + bytes_text(event_bytes_limit) + ", not " +
                                       printable(arguments.event_bytes_max)});
    options.event_bytes_max = *bytes;
  }
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
  if (arguments.replay && arguments.store.empty()) {
    complain("--replay makes the group's store forget what it has handled; name that with --store");
    return wrong_usage;
  }
  if (auto valid = check_names(common, arguments.topic, arguments.group); !valid) return fail(valid.error());
  auto to = parse_place(arguments.to);
  if (!to) return fail(to.error());
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  const auto group = named(common, arguments.group);
  // A group that is misspelt must not become one.
  auto before =
      known_group(**broker, common, arguments.topic, arguments.group, "subscribe it, with --from where it shall begin");
  if (!before) return fail(before.error());
  std::optional<MovedInbox> inbox;
  if (!arguments.store.empty()) {
    auto opened = MovedInbox::open(arguments.store, group, arguments.topic);
    if (!opened) return fail(opened.error());
    inbox.emplace(std::move(*opened));
  }
  const auto moved = move_group(**broker, common, std::move(*before), *to, inbox ? &*inbox : nullptr, arguments.replay);
  if (!moved) return fail(moved.error());
  if (arguments.replay)
    std::fprintf(stderr, "the store has forgotten %s that it had handled there\n",
                 how_many(moved->forgotten, "event").c_str());
  std::string out;
  for (std::size_t i = 0; i < moved->after.partitions.size() && i < moved->before.partitions.size(); ++i) {
    const auto &was = moved->before.partitions[i], &is = moved->after.partitions[i];
    if (common.json)
      out += JsonLine()
                 .add("topic", arguments.topic)
                 .add("group", arguments.group)
                 .add("partition", is.partition.value)
                 .add("from", was.position.value)
                 .add("to", is.position.value)
                 .str() +
             "\n";
    else
      out += arguments.topic + "/" + std::to_string(is.partition.value) + ": " + std::to_string(was.position.value) +
             " -> " + std::to_string(is.position.value) + "\n";
  }
  return print(out);
}

int delete_group(const Common& common, const GroupArguments& arguments) {
  if (auto valid = check_names(common, arguments.topic, arguments.group); !valid) return fail(valid.error());
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  auto known = known_group(**broker, common, arguments.topic, arguments.group, "`tidings groups` lists them");
  if (!known) return fail(known.error());
  auto deleted = (*broker)->delete_group(named(common, arguments.topic), named(common, arguments.group));
  return deleted ? done : fail(deleted.error());
}

}  // namespace tidings::cli
