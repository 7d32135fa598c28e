#include <algorithm>

#include "traffic.hpp"

namespace tidings::testing {

namespace {

/// What a publish of `names` as the producer answers; ids are the names.
Result<std::vector<Published>> publish_as(Broker& broker, const Producer& producer, std::span<const Envelope> some) {
  std::vector<EnvelopeView> views;
  for (const auto& one : some) views.push_back(one.view());
  return broker.publish("orders", views, {.producer = producer});
}

/// Ends the case where the broker claims no producers, and refuses them.
void need_producers(Trial& trial, Broker& broker) {
  if (broker.capabilities().producers) return;
  const std::vector<Envelope> one{event("e")};
  trial.lacks("producers", publish_as(broker, {.id = 1}, one));
}

std::size_t duplicates(std::span<const Published> places) {
  return static_cast<std::size_t>(std::ranges::count_if(places, &Published::is_duplicate));
}

void what_a_producer_publishes_twice_is_there_once(Trial& trial) {
  const auto broker = trial.open();
  create_topic(trial, *broker, "orders", 3);
  need_producers(trial, *broker);
  const auto second = trial.open();
  std::vector<Envelope> all;
  for (int i = 0; i < 40; ++i)
    all.push_back(event("e" + std::to_string(i), i % 4 == 0 ? "" : "key-" + std::to_string(i % 7)));
  const std::span some{all};
  const auto at = [&](std::size_t from, std::size_t count, Broker& over, std::uint64_t begin = 0) {
    return trial.need(publish_as(over, {.id = 7, .epoch = 1, .sequence = begin + from}, some.subspan(from, count)),
                      "a publish of a producer");
  };
  const auto first = at(0, 20, *broker);
  trial.check(duplicates(first) == 0, "what was never there before is no duplicate");
  const auto again = at(0, 20, *second);  // as after a time-out, from another handle
  trial.check(duplicates(again) == 20, "a batch that came again was taken for a new one");
  for (std::size_t index = 0; index < again.size(); ++index)
    trial.check(again[index].partition == first[index].partition &&
                    (again[index].is_exact ? again[index].offset == first[index].offset
                                           : first[index].offset.value < again[index].offset.value),
                "the duplicate of " + all[index].id + " is told to stand elsewhere");
  trial.check(duplicates(at(10, 20, *broker)) == 10,
              "of a batch that overlaps one that was there just the new part is new");
  const auto alone = at(29, 1, *broker);
  trial.check(duplicates(alone) == 1 && alone[0].is_exact, "the last event's place is not known");
  trial.check(duplicates(at(30, 10, *broker, 1'000'000)) == 0,
              "a gap between sequences is none of the broker's business");
  trial.check(end_of(trial, *broker, "orders") == 40, "the topic has not the 40 events, each once");
  auto got = names_of(handle(trial, *join(trial, *broker, "orders", "group"), 40));
  auto wanted = names_of(all);
  std::ranges::sort(got);
  std::ranges::sort(wanted);
  check_same(trial, got, wanted, "what a producer published");
  // Another producer's sequences are its own, and who has no id counts nothing.
  const std::vector<Envelope> same{all[0]};
  trial.check(duplicates(trial.need(publish_as(*broker, {.id = 8}, same), "another producer")) == 0,
              "one producer's sequence counts for another");
  publish(trial, *broker, "orders", same);
  trial.check(end_of(trial, *broker, "orders") == 42, "an event of another, or of nobody, was taken for a duplicate");
  trial.check_error(publish_as(*broker, {.id = 0}, same), "invalid_options", Retry::never, "a producer without an id");
  trial.check_error(publish_as(*broker, {.id = 1, .epoch = 0, .sequence = ~std::uint64_t{0}}, some), "invalid_options",
                    Retry::never, "a sequence beyond 64 bits");
}

void a_producer_is_fenced_by_its_successor(Trial& trial) {
  const auto broker = trial.open();
  create_topic(trial, *broker, "orders");
  need_producers(trial, *broker);
  const auto successor = trial.open();
  const auto all = events("e", 6);
  const auto as = [&](Broker& over, std::uint32_t epoch, std::size_t index) {
    return publish_as(over, {.id = 7, .epoch = epoch, .sequence = index}, std::span{all}.subspan(index, 1));
  };
  trial.need(as(*broker, 3, 0), "the first epoch's publish");
  trial.need(as(*successor, 4, 1), "a higher epoch's publish");
  trial.check_error(as(*broker, 3, 2), "fenced", Retry::never, "an epoch below the last one");
  trial.check_error(as(*broker, 3, 1), "fenced", Retry::never, "an epoch below the last one, with what is there");
  trial.check(end_of(trial, *broker, "orders") == 2, "a fenced publish was written");
  trial.check(duplicates(trial.need(as(*successor, 5, 1), "a takeover")) == 1, "sequences go on over epochs");
  trial.need(as(*successor, 5, 2), "what the fenced one could not publish");
  check_same(trial, names_of(handle(trial, *join(trial, *broker, "orders", "group"), 3)),
             names_of(std::span{all}.first(3)), "the events of three epochs");
}

void a_producers_events_are_known_after_a_restart(Trial& trial) {
  auto broker = trial.open();
  create_topic(trial, *broker, "orders");
  need_producers(trial, *broker);
  if (!broker->capabilities().persistent) trial.unsupported("the broker's capabilities do not claim persistent");
  const auto all = events("e", 3);
  trial.need(publish_as(*broker, {.id = 7, .epoch = 2, .sequence = 5}, all), "a publish of a producer");
  trial.need(broker->close(trial.patience()), "close");
  broker = trial.open();
  const auto again =
      trial.need(publish_as(*broker, {.id = 7, .epoch = 2, .sequence = 5}, all), "the same after a restart");
  trial.check(duplicates(again) == 3, "what was there before the restart was taken for new");
  trial.check_error(publish_as(*broker, {.id = 7, .epoch = 1, .sequence = 8}, all), "fenced", Retry::never,
                    "an epoch from before the restart");
  trial.check(end_of(trial, *broker, "orders") == 3, "the topic has not the 3 events, each once");
}

}  // namespace

std::vector<CaseEntry> producer_cases() {
  return {
      {{"what_a_producer_publishes_twice_is_there_once",
        "A batch that comes again, whole or in part and over whatever handle, is acknowledged and not written again."},
       what_a_producer_publishes_twice_is_there_once},
      {{"a_producer_is_fenced_by_its_successor", "Once a higher epoch has written, a lower one is refused."},
       a_producer_is_fenced_by_its_successor},
      {{"a_producers_events_are_known_after_a_restart", "Epochs and sequences are remembered as the events are."},
       a_producers_events_are_known_after_a_restart},
  };
}

}  // namespace tidings::testing
