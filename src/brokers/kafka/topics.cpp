#include "brokers/kafka/topics.hpp"

#include <algorithm>

#include "brokers/kafka/asking.hpp"
#include "brokers/kafka/errors.hpp"
#include "tidings/base/text.hpp"

namespace tidings::brokers::kafka {

namespace {

using namespace std::chrono_literals;

// Others may add partitions with Kafka's tools; then keys move, and whoever does that has to see to it.
constexpr Duration known_for = 60s;
constexpr std::uint32_t partitions_by_default = 4;

Error differs(std::string_view name, std::string_view what, const std::string& has, const std::string& asked) {
  return Error{"topic_exists_with", "topic " + std::string(name) + " is there with " + std::string(what) + " " + has +
                                        ", not " + asked + "; leave the option out, or take another name"};
}

Result<> compare(std::string_view name, const TopicFacts& there, const TopicOptions& options) {
  if (options.partitions != 0 && options.partitions != there.partitions)
    return differs(name, "partitions", std::to_string(there.partitions), std::to_string(options.partitions));
  if (options.durability && *options.durability != there.traits.durability)
    return differs(name, "durability", std::string(to_string(there.traits.durability)),
                   std::string(to_string(*options.durability)));
  if (options.event_bytes_max != 0 && options.event_bytes_max != there.traits.event_bytes_max)
    return differs(name, "event_bytes_max", std::to_string(there.traits.event_bytes_max),
                   std::to_string(options.event_bytes_max));
  if (options.retention && *options.retention != there.traits.retention)
    return Error{"topic_exists_with", "topic " + std::string(name) +
                                          " is there with another retention; leave the option out, or change it "
                                          "(set_retention, `tidings topics alter`)"};
  return {};
}

TopicInfo info_of(std::string_view name, const TopicTraits& traits, std::span<const std::uint64_t> earliest,
                  std::span<const std::uint64_t> ends) {
  TopicInfo info{.name = std::string(name),
                 .durability = traits.durability,
                 .event_bytes_max = traits.event_bytes_max,
                 .retention = traits.retention};
  for (std::uint32_t number = 0; number < ends.size(); ++number)
    info.partitions.push_back(
        {Partition{number}, Offset{earliest[number]}, Offset{std::max(ends[number], earliest[number])}});
  return info;
}

}  // namespace

Result<TopicFacts> Topics::look(std::string_view name, SteadyTime until) {
  const auto theirs = names_.topic(name);
  auto partitions = cluster_.partitions(theirs, until);
  if (!partitions) return partitions.error().code == "unknown_topic" ? unknown_topic(name) : partitions.error();
  auto configs = cluster_.configs({&theirs, 1}, until);
  if (!configs) return configs.error().code == "unknown_topic" ? unknown_topic(name) : configs.error();
  TopicFacts facts{*partitions, traits_of(configs->front())};
  const std::scoped_lock lock(mutex_);
  known_[std::string(name)] = {facts, std::chrono::steady_clock::now()};
  return facts;
}

void Topics::forget(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  if (const auto known = known_.find(name); known != known_.end()) known_.erase(known);
}

Result<TopicFacts> Topics::existing(std::string_view name, SteadyTime until) {
  if (auto valid = validate_name("topic", name); !valid) return valid.error();
  std::optional<TopicFacts> stale;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = known_.find(name); known != known_.end()) {
      if (SteadyTime{std::chrono::steady_clock::now()} - known->second.since < known_for) return known->second.facts;
      stale = known->second.facts;
    }
  }
  auto facts = look(name, until);
  if (facts || facts.error().code == "unknown_topic") {
    if (!facts) forget(name);
    return facts;
  }
  return stale ? Result<TopicFacts>(*stale) : facts;  // the server is away: what was is what is
}

Result<TopicFacts> Topics::make(std::string_view name, const TopicOptions& options, SteadyTime until) {
  auto made =
      cluster_.create_topic(names_.topic(name), options.partitions == 0 ? partitions_by_default : options.partitions,
                            to_config(options), until);
  if (!made) return made.error();
  return look(name, until);
}

Result<TopicFacts> Topics::existing_or_new(std::string_view name, bool may_create, SteadyTime until) {
  auto facts = existing(name, until);
  if (facts || facts.error().code != "unknown_topic" || !may_create || !options_.create_topics) return facts;
  if (auto valid = validate(options_.topic_defaults); !valid) return valid.error();
  if (auto valid = check_supported(options_.topic_defaults); !valid) return valid.error();
  return make(name, options_.topic_defaults, until);
}

Result<> Topics::create(std::string_view name, const TopicOptions& options) {
  if (auto valid = validate_name("topic", name); !valid) return valid;
  if (auto valid = validate(options); !valid) return valid;
  if (auto valid = check_supported(options); !valid) return valid;
  const auto until = Cluster::in_time();
  auto facts = look(name, until);
  if (!facts && facts.error().code == "unknown_topic") facts = make(name, options, until);
  if (!facts) return facts.error();
  return compare(name, *facts, options);  // also of what was just made: somebody may have been quicker
}

Result<TopicInfo> Topics::info(std::string_view name) {
  if (auto valid = validate_name("topic", name); !valid) return valid.error();
  auto facts = look(name, Cluster::in_time());
  if (!facts) return facts.error();
  const auto theirs = names_.topic(name);
  auto earliest = cluster_.resolve(theirs, facts->partitions, Start::earliest());
  if (!earliest) return earliest.error();
  auto ends = cluster_.resolve(theirs, facts->partitions, Start::latest());
  if (!ends) return ends.error();
  return info_of(name, facts->traits, *earliest, *ends);
}

Result<std::vector<TopicInfo>> Topics::infos() {
  // All topics at once: one that goes meanwhile makes the question fail, and it is asked again.
  return patiently(Cluster::in_time(), [&]() -> Result<std::vector<TopicInfo>> {
    auto all = cluster_.topics();
    if (!all) return all.error();
    std::erase_if(*all, [&](const auto& each) {
      const auto name = names_.our_topic(each.first);
      return !name || !validate_name("topic", *name);  // others', or named as none of ours can be
    });
    std::vector<std::string> theirs;
    for (const auto& [name, partitions] : *all) theirs.push_back(name);
    const auto gone_meanwhile = [](Error error) {
      if (error.code == "unknown_topic") error.code = "unreachable";
      return error;
    };
    auto configs = cluster_.configs(theirs);
    if (!configs) return gone_meanwhile(configs.error());
    auto earliest = cluster_.resolve_all(*all, Start::earliest());
    if (!earliest) return gone_meanwhile(earliest.error());
    auto ends = cluster_.resolve_all(*all, Start::latest());
    if (!ends) return gone_meanwhile(ends.error());
    std::vector<TopicInfo> infos;
    for (std::size_t index = 0; index < theirs.size(); ++index)
      infos.push_back(info_of(*names_.our_topic(theirs[index]), traits_of((*configs)[index]),
                              (*earliest)[theirs[index]], (*ends)[theirs[index]]));
    std::ranges::sort(infos, {}, &TopicInfo::name);
    return infos;
  });
}

Result<> Topics::set_retention(std::string_view name, const Retention& retention) {
  if (auto valid = validate(retention); !valid) return valid;
  if (auto valid = check_supported(retention); !valid) return valid;
  if (auto facts = existing(name); !facts) return facts.error();
  const auto theirs = names_.topic(name);
  // All that was set for the topic is set anew: this client knows no other way.
  auto config = cluster_.own_config(theirs);
  if (!config) return config.error();
  for (const auto* of_retention : {"retention.ms", "retention.bytes", "segment.ms", "segment.bytes"})
    config->erase(of_retention);
  for (const auto& [key, value] : to_config(retention)) (*config)[key] = value;
  auto changed = cluster_.set_config(theirs, *config);
  forget(name);
  return changed;
}

Result<> Topics::remove(std::string_view name) {
  auto removed = cluster_.delete_topic(names_.topic(name));
  forget(name);
  if (!removed && removed.error().code == "unknown_topic") return unknown_topic(name);
  return removed;
}

}  // namespace tidings::brokers::kafka
