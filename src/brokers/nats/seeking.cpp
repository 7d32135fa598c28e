#include <algorithm>
#include <map>
#include <thread>

#include "brokers/nats/names.hpp"
#include "brokers/nats/nats_broker.hpp"
#include "tidings/base/text.hpp"
#include "tidings/broker/routing.hpp"

namespace tidings::brokers::nats {

namespace {

/// Waits until the members there are have shown that they live, or have been silent for a lease. Returns the dead.
Result<std::vector<std::string>> dead_members(GroupStore& store, Core& core, std::string_view topic,
                                              std::string_view group, std::string_view then) {
  constexpr auto look_again = std::chrono::milliseconds{100};
  const auto begun = steady_now();
  const auto until = begun + core.url.lease + call_within;
  std::optional<std::map<std::string, std::uint64_t>> beats;
  while (true) {
    auto seen = store.read(until);
    if (!seen) return seen.error();
    if (seen->record.members.empty()) return std::vector<std::string>{};
    std::map<std::string, std::uint64_t> now;
    for (const auto& one : seen->record.members) now[one.id] = one.beat;
    if (beats && now != *beats) return group_active(topic, group, then);
    if (!beats) {  // a record that has just been written, by the clock that dated it, is a live member's
      auto server_now = core.api.server_now(std::string(bucket_stream), until);
      if (!server_now) return server_now.error();
      if (*server_now - seen->written < core.url.lease / 3) return group_active(topic, group, then);
    }
    beats = std::move(now);
    if (steady_now() - begun > core.url.lease) {
      std::vector<std::string> dead;
      for (const auto& [id, beat] : *beats) dead.push_back(id);
      return dead;
    }
    std::this_thread::sleep_for(look_again);
  }
}

}  // namespace

Result<> with_group_alone(GroupStore& store, Core& core, std::string_view topic, std::string_view group,
                          std::string_view then, const std::function<Result<>(SteadyTime until)>& act) {
  auto dead = dead_members(store, core, topic, group, then);
  if (!dead) return dead.error();
  const auto until = steady_now() + call_within;
  const auto guard = core.api.link().new_token();
  auto guarded = store.change(
      std::nullopt,
      [&](GroupRecord& record) -> Result<bool> {
        if (record.guard.id == guard) return false;
        if (!record.guard.id.empty())
          return Error{"busy", "group " + std::string(group) + " is being moved; try again", Retry::same_call};
        for (const auto& id : *dead) record.remove(id);
        if (!record.members.empty()) return group_active(topic, group, then);
        record.guard.id = guard;
        return true;
      },
      true, until);
  if (!guarded) return guarded.error();
  return act(until);
}

Result<> NatsBroker::seek(std::string_view topic, std::string_view group, const Start& to) {
  if (auto open = check_open(); !open) return open;
  if (auto valid = validate_name("group", group); !valid) return valid;
  const auto until = steady_now() + call_within;
  auto known = core_->topics.find(topic, until);
  if (!known) return known.error();
  GroupStore store(core_->api, std::string(topic), std::string(group), (*known)->partitions());
  auto targets = resolve(core_->api, topic, (*known)->partitions(), to, until);
  if (!targets) return targets.error();
  auto there = store.read(until);
  if (!there) return there.error();
  if (there->revision == 0)
    if (auto made = store.make_positions(*targets, until); !made) return made;
  return with_group_alone(store, *core_, topic, group, "seek again", [&](SteadyTime end) -> Result<> {
    for (std::uint32_t partition = 0; partition < targets->size(); ++partition) {
      const auto target = (*targets)[partition];
      auto moved = store.take(
          partition,
          [&](PositionRecord& record) {
            if (target > record.position) record.skipped += target - record.position;
            record.position = target;
            record.stream.clear();
          },
          end);
      if (!moved) return moved.error();
    }
    auto freed = store.change(
        std::nullopt,
        [&](GroupRecord& record) -> Result<bool> {
          record.guard = {};
          return true;
        },
        true, end);
    return freed ? Result<>{} : freed.error();
  });
}

Result<> NatsBroker::delete_group(std::string_view topic, std::string_view group) {
  if (auto open = check_open(); !open) return open;
  if (auto valid = validate_name("group", group); !valid) return valid;
  const auto until = steady_now() + call_within;
  auto known = core_->topics.find(topic, until);
  if (!known) return known.error();
  GroupStore store(core_->api, std::string(topic), std::string(group), (*known)->partitions());
  auto there = store.read(until);
  if (!there) return there.error();
  if (there->revision == 0) return unknown_group(topic, group);
  return with_group_alone(store, *core_, topic, group, "delete it again",
                          [&](SteadyTime end) { return store.remove(end); });
}

}  // namespace tidings::brokers::nats
