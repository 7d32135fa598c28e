#include <algorithm>
#include <thread>

#include "traffic.hpp"

namespace tidings::testing {

namespace {

using namespace std::chrono_literals;

void a_negative_acknowledgement_redelivers(Trial& trial) {
  const auto broker = trial.open();
  const auto group = join(trial, *broker, "orders", "group");
  publish(trial, *broker, "orders", events("e", 4, "key"));
  const auto got = take(trial, *group, 3);
  settle(trial, *group, {&got[0], 1});
  settle(trial, *group, {&got[2], 1});
  const std::vector<DeliveryId> second{got[1].id};
  trial.need(group->reject(second), "reject");
  auto again = take(trial, *group, 2);
  std::ranges::sort(again, {}, [](const Delivery& delivery) { return delivery.id.offset; });
  check_same(trial, names_of(again), std::vector<std::string>{"e-1", "e-3"}, "after a rejection");
  trial.check(again[0].attempt == 2 && again[1].attempt == 1,
              "the attempts are not 2 of the rejected and 1 of the new");
  trial.check(again[0].envelope.payload == got[1].envelope.payload, "the event has another payload the second time");
  auto info = group_info(trial, *broker, "orders", "group");
  trial.check(info.partitions[0].position == Offset{1}, "the position moved past a rejected event");

  // With a delay: not before it is over, and later events are not held up.
  const auto before = steady_now();
  const std::vector<DeliveryId> ids{again[0].id};
  trial.need(group->reject(ids, 200ms), "reject");
  settle(trial, *group, {&again[1], 1});
  publish(trial, *broker, "orders", events("late", 1, "key"));
  const auto rest = handle(trial, *group, 2);
  for (const auto& delivery : rest) {
    if (delivery.envelope.id != "e-1") continue;
    trial.check(steady_now() - before >= 200ms, "a rejected event came again before its delay was over");
    trial.check(delivery.attempt == 3, "the second redelivery is not attempt 3");
  }
  auto names = names_of(rest);
  std::ranges::sort(names);
  check_same(trial, names, std::vector<std::string>{"e-1", "late-0"}, "after a delayed rejection");
  trial.check(group_info(trial, *broker, "orders", "group").lag() == 0, "all is settled, but there is a lag");
}

void an_unacknowledged_delivery_returns_after_its_deadline(Trial& trial) {
  const auto broker = trial.open();
  ConsumerOptions options;
  options.group = "group";
  options.settle_within = 300ms;
  const auto group = subscribe(trial, *broker, "orders", options);
  publish(trial, *broker, "orders", events("e", 2));
  auto before = steady_now();
  const auto got = take(trial, *group, 2);
  settle(trial, *group, {&got[1], 1});
  auto again = take(trial, *group, 1);
  trial.check(steady_now() - before >= 300ms, "an unsettled delivery came again before its time was over");
  trial.check(again[0].id.offset == got[0].id.offset && again[0].attempt == 2,
              "not the unsettled event came again, as attempt 2");

  // Whoever works on it may say so.
  before = steady_now();
  trial.need(group->extend(ids_of(again)), "extend");
  again = take(trial, *group, 1);
  trial.check(steady_now() - before >= 300ms, "an extended delivery came again before its new time was over");
  settle(trial, *group, again);
  check_nothing_comes(trial, *group, "all is settled");
}

void acknowledging_twice_is_harmless(Trial& trial) {
  const auto broker = trial.open();
  const auto group = join(trial, *broker, "orders", "group");
  publish(trial, *broker, "orders", events("e", 5));
  const auto got = take(trial, *group, 5);
  settle(trial, *group, {&got[0], 2});
  settle(trial, *group, {&got[0], 2});
  settle(trial, *group, {&got[1], 1}, Outcome::parked);
  const std::vector<DeliveryId> one_twice{got[2].id, got[2].id, got[0].id};
  trial.need(group->settle(one_twice), "settle of one event twice in a call");
  settle(trial, *group, {&got[4], 1});
  settle(trial, *group, {&got[4], 1});
  trial.need(group->reject(one_twice), "reject of what is settled");
  const auto place = group_info(trial, *broker, "orders", "group").partitions.at(0);
  trial.check(place.position == Offset{3}, "the position is " + std::to_string(place.position.value) + ", not 3");
  trial.check(place.handled == 3 && place.parked == 0, "an event that was settled twice is counted twice");
  trial.check(place.settled_beyond == 1, "settled beyond the position is not 1");
  settle(trial, *group, {&got[3], 1});
  check_nothing_comes(trial, *group, "all is settled, some of it twice");
}

void what_was_acknowledged_stays_so_after_a_restart(Trial& trial) {
  auto broker = trial.open();
  if (!broker->capabilities().persistent) trial.unsupported("the broker's capabilities do not claim persistent");
  create_topic(trial, *broker, "orders", 1);
  publish(trial, *broker, "orders", events("e", 100));
  auto group = join(trial, *broker, "orders", "group");
  const auto got = take(trial, *group, 80);
  settle(trial, *group, {&got[0], 40});
  settle(trial, *group, {&got[40], 10}, Outcome::parked);
  settle(trial, *group, {&got[70], 1});  // beyond the position: may come again
  group.reset();                         // nothing is drained
  broker.reset();
  for (const bool closes : {true, false}) {
    broker = trial.open();
    const auto info = group_info(trial, *broker, "orders", "group");
    trial.check(
        info.partitions.at(0).position == Offset{50},
        "the position after the restart is " + std::to_string(info.partitions.at(0).position.value) + ", not 50");
    trial.check(info.partitions.at(0).handled == 40 && info.partitions.at(0).parked == 10,
                "the counters after the restart are not those of the position");
    trial.check(end_of(trial, *broker, "orders") == 100, "not all events are there after the restart");
    group = join(trial, *broker, "orders", "group");
    std::set<std::string> names;
    for (const auto end = steady_now() + trial.patience(); names.size() < 49 && steady_now() < end;)
      for (const auto& delivery : trial.need(group->fetch(100, 100ms), "fetch")) {
        trial.check(delivery.id.offset.value >= 50, std::string(delivery.envelope.id) + " was settled, and came again");
        if (delivery.id.offset.value != 70) names.insert(std::string(delivery.envelope.id));
      }
    trial.check(names.size() == 49,
                "of 49 unsettled events " + std::to_string(names.size()) + " came after the restart");
    if (closes) trial.need(group->close(1ms), "close");
    group.reset();
    if (closes) trial.need(broker->close(1ms), "close");
    broker.reset();
  }
}

void the_attempt_count_increases(Trial& trial) {
  const auto broker = trial.open();
  const auto group = join(trial, *broker, "orders", "group");
  publish(trial, *broker, "orders", events("e", 1));
  for (int attempt = 1; attempt <= 6; ++attempt) {
    const auto got = take(trial, *group, 1);
    trial.check(got[0].attempt == attempt,
                "attempt " + std::to_string(attempt) + " says that it is " + std::to_string(got[0].attempt));
    if (attempt < 6) trial.need(group->reject(ids_of(got), std::chrono::milliseconds{attempt}), "reject");
    if (attempt == 6) settle(trial, *group, got, Outcome::parked);
  }
  const auto place = group_info(trial, *broker, "orders", "group").partitions.at(0);
  trial.check(place.parked == 1 && place.handled == 0, "an event settled as parked is not counted so");
  check_nothing_comes(trial, *group, "the event is parked");
}

void the_in_flight_limit_holds(Trial& trial) {
  const auto broker = trial.open();
  create_topic(trial, *broker, "orders", 3);
  for (int key = 0; key < 20; ++key)
    publish(trial, *broker, "orders", events("k" + std::to_string(key), 5, "key-" + std::to_string(key)));
  ConsumerOptions options;
  options.group = "group";
  options.in_flight_max = 0;
  trial.check_error(broker->subscribe("orders", options), "invalid_options", Retry::never,
                    "a limit of nothing in flight");
  options.in_flight_max = 10;
  const auto group = subscribe(trial, *broker, "orders", options);
  std::vector<Delivery> held;
  for (const auto until = steady_now() + trial.patience(); held.size() < 10 && steady_now() < until;)
    std::ranges::move(trial.need(group->fetch(100, glance), "fetch"), std::back_inserter(held));
  trial.require(held.size() == 10, std::to_string(held.size()) + " are in flight, not the 10 that may be");
  std::size_t seen = held.size();
  check_nothing_comes(trial, *group, "10 are in flight, and no more than 10 may be");
  while (seen < 100) {
    const auto some = std::min<std::size_t>(4, 100 - seen);
    settle(trial, *group, {held.data(), some});
    held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(some));
    auto more = take(trial, *group, some);
    seen += more.size();
    std::ranges::move(more, std::back_inserter(held));
    const auto over = trial.need(group->fetch(100, 1ms), "fetch");
    trial.require(over.empty(), "more than 10 are in flight");
  }
  settle(trial, *group, held);
  trial.check(group_info(trial, *broker, "orders", "group").lag() == 0, "all is settled, but there is a lag");
}

}  // namespace

std::vector<CaseEntry> acknowledge_cases() {
  return {
      {{"a_negative_acknowledgement_redelivers",
        "A rejected event comes again, after its delay, and holds up no other."},
       a_negative_acknowledgement_redelivers},
      {{"an_unacknowledged_delivery_returns_after_its_deadline",
        "What is not settled in time comes again; who extends has time anew."},
       an_unacknowledged_delivery_returns_after_its_deadline},
      {{"acknowledging_twice_is_harmless", "The second acknowledgement changes nothing."},
       acknowledging_twice_is_harmless},
      {{"what_was_acknowledged_stays_so_after_a_restart",
        "Positions, counters and events survive closing and vanishing."},
       what_was_acknowledged_stays_so_after_a_restart},
      {{"the_attempt_count_increases", "Each delivery of an event says which attempt it is."},
       the_attempt_count_increases},
      {{"the_in_flight_limit_holds", "No more than `in_flight_max` are out at once."}, the_in_flight_limit_holds},
  };
}

}  // namespace tidings::testing
