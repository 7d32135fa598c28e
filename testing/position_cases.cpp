#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "traffic.hpp"

namespace tidings::testing {

namespace {

using namespace std::chrono_literals;

/// What a reader and a new group that start there get, up to the end of the topic.
void check_starts(Trial& trial, Broker& broker, const Start& start, std::span<const std::string> wanted,
                  const std::string& what) {
  static std::atomic<int> groups = 0;
  ConsumerOptions options;
  options.start = start;
  for (const bool reader : {true, false}) {
    options.group = reader ? "" : "group-" + std::to_string(groups++);
    const auto consumer = subscribe(trial, broker, "orders", options);
    const auto got = wanted.empty() ? std::vector<Delivery>{} : take(trial, *consumer, wanted.size());
    check_same(trial, names_of(got), wanted, what + (reader ? " (reader)" : " (group)"));
    check_nothing_comes(trial, *consumer, what + ": the end was reached");
    if (reader) settle(trial, *consumer, got);  // harmless: a reader has no position
  }
}

void starts_from_earliest_latest_offset_and_time(Trial& trial) {
  const auto broker = trial.open();
  std::vector<std::string> names;
  for (const auto& one : events("e", 10)) {
    publish(trial, *broker, "orders", {&one, 1});
    names.push_back(one.id);
    std::this_thread::sleep_for(3ms);  // so that append times differ
  }
  const std::span<const std::string> all(names);
  check_starts(trial, *broker, Start::earliest(), all, "from the earliest");
  check_starts(trial, *broker, Start::latest(), {}, "from the latest");

  ConsumerOptions options;
  const auto reader = subscribe(trial, *broker, "orders", options);
  const auto got = take(trial, *reader, 10);
  options.start = Start::offset(Offset{4});
  if (!broker->capabilities().start_at_offset) {
    trial.check_error(broker->subscribe("orders", options), "unsupported", Retry::never,
                      "a broker without start_at_offset");
  } else {
    check_starts(trial, *broker, Start::offset(Offset{4}), all.subspan(4), "from offset 4");
    check_starts(trial, *broker, Start::offset(Offset{0}), all, "from offset 0");
    check_starts(trial, *broker, Start::offset(Offset{1'000'000}), {}, "from an offset beyond the end");
  }
  options.start = Start::time(got[6].appended);
  if (!broker->capabilities().start_at_time) {
    trial.check_error(broker->subscribe("orders", options), "unsupported", Retry::never,
                      "a broker without start_at_time");
  } else {
    std::size_t first = 0;
    while (got[first].appended < got[6].appended) ++first;
    check_starts(trial, *broker, Start::time(got[6].appended), all.subspan(first), "from the time of event 6");
    check_starts(trial, *broker, Start::time(got[0].appended - 1h), all, "from an hour before");
    check_starts(trial, *broker, Start::time(got[9].appended + 1h), {}, "from an hour after");
  }

  // From the latest on, what is published later comes; and a group that has a position keeps it.
  options.start = Start::latest();
  options.group = "later";
  auto later = subscribe(trial, *broker, "orders", options);
  publish(trial, *broker, "orders", events("new", 2));
  const auto fresh = take(trial, *later, 2);
  check_same(trial, names_of(fresh), std::vector<std::string>{"new-0", "new-1"}, "a group from the latest");
  settle(trial, *later, {fresh.data(), 1});
  later.reset();
  later = subscribe(trial, *broker, "orders", options);
  check_same(trial, names_of(take(trial, *later, 1)), std::vector<std::string>{"new-1"}, "a group that has a position");
}

void lag_is_exact(Trial& trial) {
  const auto broker = trial.open();
  if (!broker->capabilities().exact_lag) trial.unsupported("the broker's capabilities do not claim exact_lag");
  create_topic(trial, *broker, "orders", 2);
  const auto group = join(trial, *broker, "orders", "group");
  const auto lag = [&] { return group_info(trial, *broker, "orders", "group").lag(); };
  trial.check(lag() == 0, "an empty topic has a lag");
  publish(trial, *broker, "orders", events("a", 30), {.wait_for = {}, .partition = Partition{0}});
  publish(trial, *broker, "orders", events("b", 12), {.wait_for = {}, .partition = Partition{1}});
  trial.check(lag() == 42, "the lag is " + std::to_string(lag()) + " after 42 events");
  auto got = take(trial, *group, 42);
  trial.check(lag() == 42, "the lag is " + std::to_string(lag()) + " though nothing was settled");
  std::ranges::sort(got, {},
                    [](const Delivery& delivery) { return std::pair(delivery.id.partition, delivery.id.offset); });
  settle(trial, *group, {&got[0], 10});
  trial.check(lag() == 32, "the lag is " + std::to_string(lag()) + " with 32 to do");
  settle(trial, *group, {&got[20], 10});
  trial.check(lag() == 32, "the lag is " + std::to_string(lag()) + " though the position has not moved");
  const auto info = group_info(trial, *broker, "orders", "group");
  trial.check(info.partitions.size() == 2, "groups() leaves out a partition");
  trial.check(info.partitions[0].settled_beyond == 10, "settled beyond the position is not 10");
  trial.check(info.partitions[0].owned && info.partitions[1].owned, "a partition that is held is not said to be");
  settle(trial, *group, {&got[10], 10}, Outcome::expired);
  trial.check(lag() == 12, "the lag is " + std::to_string(lag()) + " with 12 to do");
  settle(trial, *group, {&got[30], 12}, Outcome::skipped);
  trial.check(lag() == 0, "the lag is " + std::to_string(lag()) + " though all is settled");
  GroupPartitionInfo sum;
  for (const auto& partition : group_info(trial, *broker, "orders", "group").partitions) {
    sum.handled += partition.handled;
    sum.expired += partition.expired;
    sum.skipped += partition.skipped;
  }
  trial.check(sum.handled == 20 && sum.expired == 10 && sum.skipped == 12,
              "the counters do not say 20 handled, 10 expired, 12 skipped");
}

void seek_moves_a_group(Trial& trial) {
  const auto broker = trial.open();
  const auto sent = events("e", 20);
  const auto names = names_of(sent);
  const std::span<const std::string> all(names);
  publish(trial, *broker, "orders", sent);
  auto group = join(trial, *broker, "orders", "group");
  if (!broker->capabilities().seek) {
    group.reset();
    trial.lacks("seek", broker->seek("orders", "group", Start::earliest()));
  }
  check_same(trial, names_of(handle(trial, *group, 20)), names, "before the seek");
  trial.check_error(broker->seek("orders", "group", Start::earliest()), "group_active", Retry::same_call,
                    "seeking a group with a live member");
  trial.check_error(broker->seek("missing", "group", Start::earliest()), "unknown_topic", Retry::never,
                    "seeking on no topic");
  const auto moves_to = [&](const Start& start, std::span<const std::string> wanted, const std::string& what) {
    trial.need(group->close(trial.patience()), "close");
    trial.need(broker->seek("orders", "group", start), "seek " + what);
    trial.check(group_info(trial, *broker, "orders", "group").lag() == wanted.size(),
                "the lag after a seek " + what + " is wrong");
    group = join(trial, *broker, "orders", "group");
    const auto got = wanted.empty() ? std::vector<Delivery>{} : handle(trial, *group, wanted.size());
    check_same(trial, names_of(got), wanted, "after a seek " + what);
    for (const auto& delivery : got) trial.check(delivery.attempt == 1, "a seek does not start the attempts anew");
  };
  moves_to(Start::earliest(), all, "to the earliest");
  moves_to(Start::offset(Offset{15}), all.subspan(15), "to offset 15");
  moves_to(Start::latest(), {}, "to the latest");
  trial.need(broker->seek("orders", "new", Start::offset(Offset{5})), "seek of a group that is not there");
  ConsumerOptions options;
  options.group = "new";
  options.start = Start::latest();
  check_same(trial, names_of(handle(trial, *subscribe(trial, *broker, "orders", options), 15)), all.subspan(5),
             "a group that a seek has made");
  trial.need(broker->seek("orders", "skips", Start::earliest()), "seek");
  trial.need(broker->seek("orders", "skips", Start::offset(Offset{8})), "seek");
  trial.check(group_info(trial, *broker, "orders", "skips").partitions.at(0).skipped == 8,
              "what a seek skipped is not counted");
}

void seek_moves_each_partition_to_its_own_place(Trial& trial) {
  const auto broker = trial.open();
  create_topic(trial, *broker, "orders", 3);
  for (std::uint32_t partition = 0; partition < 3; ++partition) {
    PublishOptions options;
    options.partition = Partition{partition};
    publish(trial, *broker, "orders", events("p" + std::to_string(partition), 10), options);
  }
  const auto places = Start::each({Offset{2}, Offset{1'000'000}});
  if (!broker->capabilities().seek) trial.lacks("seek", broker->seek("orders", "group", places));
  trial.need(broker->seek("orders", "group", places), "seek to a place in each partition");
  const auto info = group_info(trial, *broker, "orders", "group");
  trial.check(info.lag() == 8 + 0 + 10, "the lag after the seek is " + std::to_string(info.lag()) + ", not 18");
  const auto group = join(trial, *broker, "orders", "group");
  std::map<std::uint32_t, std::uint64_t> first;
  for (const auto& delivery : handle(trial, *group, 18))
    first.try_emplace(delivery.id.partition.value, delivery.id.offset.value);
  trial.check(first == std::map<std::uint32_t, std::uint64_t>{{0, 2}, {2, 0}},
              "the group does not go on at its place in each partition");
}

void a_deleted_group_begins_anew(Trial& trial) {
  const auto broker = trial.open();
  const auto sent = events("e", 6);
  publish(trial, *broker, "orders", sent);
  auto group = join(trial, *broker, "orders", "group");
  const auto other = join(trial, *broker, "orders", "other");
  check_same(trial, names_of(handle(trial, *group, 4)), names_of(std::span(sent).first(4)), "before the deletion");
  if (!broker->capabilities().delete_group) {
    group.reset();
    trial.lacks("delete_group", broker->delete_group("orders", "group"));
  }
  trial.check_error(broker->delete_group("orders", "group"), "group_active", Retry::same_call,
                    "deleting a group with a live member");
  trial.check_error(broker->delete_group("missing", "group"), "unknown_topic", Retry::never, "deleting on no topic");
  trial.check_error(broker->delete_group("orders", "missing"), "unknown_group", Retry::never, "deleting no group");
  trial.need(group->close(trial.patience()), "close");
  trial.need(broker->delete_group("orders", "group"), "delete_group");
  for (const auto& info : trial.need(broker->groups("orders"), "groups"))
    trial.check(info.group != "group", "a deleted group is still listed");
  trial.check_error(broker->delete_group("orders", "group"), "unknown_group", Retry::never, "deleting it again");
  group = join(trial, *broker, "orders", "group");
  check_same(trial, names_of(handle(trial, *group, 6)), names_of(sent), "after the deletion");
  check_same(trial, names_of(handle(trial, *other, 6)), names_of(sent), "another group");
}

}  // namespace

std::vector<CaseEntry> position_cases() {
  return {
      {{"starts_from_earliest_latest_offset_and_time",
        "Readers and new groups start where they are told; old groups where they were."},
       starts_from_earliest_latest_offset_and_time},
      {{"lag_is_exact", "Lag and counters say what is settled, to the event."}, lag_is_exact},
      {{"seek_moves_each_partition_to_its_own_place",
        "A seek may name a place for each partition; those that it does not name go to the earliest."},
       seek_moves_each_partition_to_its_own_place},
      {{"seek_moves_a_group", "A group without members is moved, one with members is not."}, seek_moves_a_group},
      {{"a_deleted_group_begins_anew", "A group without members is deleted, one with members is not."},
       a_deleted_group_begins_anew},
  };
}

}  // namespace tidings::testing
