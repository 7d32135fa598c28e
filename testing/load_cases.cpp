#include <array>
#include <charconv>

#include "traffic.hpp"

namespace tidings::testing {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t publishers = 2;
constexpr std::size_t each = 100'000;
constexpr std::size_t keys = 500;  // of each publisher
constexpr std::size_t batch_max = 500;

std::string key_of(std::size_t publisher, std::size_t key) {
  return std::to_string(publisher) + "-" + std::to_string(key);
}

void publish_all(Trial& trial, Broker& broker, std::size_t publisher) {
  std::vector<std::string> names(keys);
  for (std::size_t key = 0; key < keys; ++key) names[key] = key_of(publisher, key);
  std::array<std::string, batch_max> numbers;
  std::vector<EnvelopeView> batch(batch_max);
  for (std::size_t first = 0; first < each; first += batch_max) {
    for (std::size_t index = 0; index < batch_max; ++index) {
      const auto number = first + index;
      numbers[index] = std::to_string(number / keys);
      auto& one = batch[index];
      one.id = numbers[index];  // unique within its source is enough
      one.type = "conformance.Happened";
      one.source = names[number % keys];
      one.key = names[number % keys];
      one.payload = numbers[index];
    }
    trial.need(broker.publish("orders", batch), "publish");
  }
}

/// Handles all events of a group, and checks them as they come.
void read_all(Trial& trial, Broker& broker, std::size_t group) {
  ConsumerOptions options;
  options.group = "group-" + std::to_string(group);
  options.in_flight_max = 5000;
  const auto consumer = subscribe(trial, broker, "orders", options);
  std::map<std::string, std::size_t, std::less<>> next;
  std::size_t seen = 0;
  for (auto until = steady_now() + trial.patience(); seen < publishers * each && steady_now() < until;) {
    const auto some = trial.need(consumer->fetch(1000, 100ms), "fetch");
    if (!some.empty()) until = steady_now() + trial.patience();
    for (const auto& delivery : some) {
      std::size_t number = 0;
      const auto& text = delivery.envelope.payload;
      std::from_chars(text.data(), text.data() + text.size(), number);
      auto known = next.find(delivery.envelope.key);
      if (known == next.end()) known = next.emplace(std::string(delivery.envelope.key), 0).first;
      trial.require(number == known->second, "key " + known->first + ": " + std::to_string(number) + " came where " +
                                                 std::to_string(known->second) + " should");
      ++known->second;
    }
    seen += some.size();
    settle(trial, *consumer, some);
  }
  trial.check(seen == publishers * each,
              "a group saw " + std::to_string(seen) + " of " + std::to_string(publishers * each) + " events");
  trial.check(next.size() == publishers * keys,
              "a group saw " + std::to_string(next.size()) + " of " + std::to_string(publishers * keys) + " keys");
}

void two_hundred_thousand_events_under_two_publishers_and_three_groups(Trial& trial) {
  const auto broker = trial.open();
  const auto second = trial.open();
  create_topic(trial, *broker, "orders", 4);
  run_together(trial, 5, [&](int number, Trial& own) {
    const auto index = static_cast<std::size_t>(number);
    auto& handle = number % 2 == 0 ? *broker : *second;
    if (index < publishers)
      publish_all(own, handle, index);
    else
      read_all(own, handle, index - publishers);
  });
  for (const auto& info : trial.need(broker->groups("orders"), "groups"))
    trial.check(info.lag() == 0, info.group + " handled everything, but has a lag of " + std::to_string(info.lag()));
}

}  // namespace

std::vector<CaseEntry> load_cases() {
  return {
      {{"two_hundred_thousand_events_under_two_publishers_and_three_groups",
        "Nothing lost, nothing twice, in order by key."},
       two_hundred_thousand_events_under_two_publishers_and_three_groups},
  };
}

}  // namespace tidings::testing
