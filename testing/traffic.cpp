#include "traffic.hpp"

#include <algorithm>
#include <thread>

namespace tidings::testing {

Envelope event(std::string id, std::string key) {
  Envelope envelope;
  envelope.payload = "{\"id\":\"" + id + "\"}";
  envelope.id = std::move(id);
  envelope.type = "conformance.Happened";
  envelope.source = "conformance";
  envelope.key = std::move(key);
  envelope.time = TimePoint{std::chrono::seconds{1'700'000'000}};
  return envelope;
}

std::vector<Envelope> events(const std::string& prefix, std::size_t count, const std::string& key) {
  std::vector<Envelope> some;
  some.reserve(count);
  for (std::size_t number = 0; number < count; ++number)
    some.push_back(event(prefix + "-" + std::to_string(number), key));
  return some;
}

std::vector<Published> publish(Trial& trial, Broker& broker, std::string_view topic, std::span<const Envelope> some,
                               const PublishOptions& options) {
  std::vector<EnvelopeView> views;
  for (const auto& one : some) views.push_back(one.view());
  auto places = trial.need(broker.publish(topic, views, options), "publish to " + std::string(topic));
  trial.require(places.size() == some.size(), "publish answered " + std::to_string(places.size()) + " places for " +
                                                  std::to_string(some.size()) + " events");
  return places;
}

void create_topic(Trial& trial, Broker& broker, std::string_view topic, std::uint32_t partitions) {
  TopicOptions options;
  options.partitions = partitions;
  trial.need(broker.create_topic(topic, options), "create_topic " + std::string(topic));
}

std::unique_ptr<Consumer> subscribe(Trial& trial, Broker& broker, std::string_view topic,
                                    const ConsumerOptions& options) {
  return trial.need(broker.subscribe(topic, options), "subscribe to " + std::string(topic));
}

std::unique_ptr<Consumer> join(Trial& trial, Broker& broker, std::string_view topic, const std::string& group) {
  ConsumerOptions options;
  options.group = group;
  return subscribe(trial, broker, topic, options);
}

std::vector<Delivery> take(Trial& trial, Consumer& consumer, std::size_t count) {
  std::vector<Delivery> got;
  const auto until = steady_now() + trial.patience();
  while (got.size() < count && steady_now() < until) {
    const auto asked = count - got.size();
    auto some = trial.need(consumer.fetch(asked, until - steady_now()), "fetch");
    trial.require(some.size() <= asked, "fetch of " + std::to_string(asked) + " gave " + std::to_string(some.size()));
    std::ranges::move(some, std::back_inserter(got));
  }
  trial.require(got.size() == count,
                "only " + std::to_string(got.size()) + " of " + std::to_string(count) + " events came");
  return got;
}

std::vector<Delivery> handle(Trial& trial, Consumer& consumer, std::size_t count) {
  std::vector<Delivery> got;
  const auto until = steady_now() + trial.patience();
  while (got.size() < count && steady_now() < until) {
    auto some = trial.need(consumer.fetch(count - got.size(), until - steady_now()), "fetch");
    settle(trial, consumer, some);
    std::ranges::move(some, std::back_inserter(got));
  }
  trial.require(got.size() == count,
                "only " + std::to_string(got.size()) + " of " + std::to_string(count) + " events came");
  return got;
}

void settle(Trial& trial, Consumer& consumer, std::span<const Delivery> some, Outcome outcome) {
  if (!some.empty()) trial.need(consumer.settle(ids_of(some), outcome), "settle");
}

void check_nothing_comes(Trial& trial, Consumer& consumer, const std::string& why) {
  const auto some = trial.need(consumer.fetch(100, glance), "fetch");
  const auto names = names_of(some);
  trial.check(some.empty(), why + ", but " + std::to_string(some.size()) + " came: " + join_names(names));
}

std::vector<DeliveryId> ids_of(std::span<const Delivery> some) {
  std::vector<DeliveryId> ids;
  for (const auto& delivery : some) ids.push_back(delivery.id);
  return ids;
}

std::vector<std::string> names_of(std::span<const Delivery> some) {
  std::vector<std::string> names;
  for (const auto& delivery : some) names.emplace_back(delivery.envelope.id);
  return names;
}

std::vector<std::string> names_of(std::span<const Envelope> some) {
  std::vector<std::string> names;
  for (const auto& one : some) names.push_back(one.id);
  return names;
}

std::string join_names(std::span<const std::string> names) {
  std::string text;
  for (const auto& name : names.first(std::min<std::size_t>(names.size(), 12)))
    text += (text.empty() ? "" : " ") + name;
  return names.size() > 12 ? text + " …" : text;
}

void check_same(Trial& trial, std::span<const std::string> got, std::span<const std::string> wanted,
                const std::string& what) {
  if (std::ranges::equal(got, wanted)) return;
  const auto first = std::ranges::mismatch(got, wanted);
  const auto index = first.in1 - got.begin();
  trial.check(false, what + ": " + std::to_string(got.size()) + " came, " + std::to_string(wanted.size()) +
                         " should; they differ from number " + std::to_string(index) +
                         " on: " + join_names(got.subspan(static_cast<std::size_t>(index))) + " instead of " +
                         join_names(wanted.subspan(static_cast<std::size_t>(index))));
}

void check_offsets_in_order(Trial& trial, std::span<const Delivery> some) {
  std::map<Partition, std::uint64_t> last;
  for (const auto& delivery : some) {
    if (delivery.attempt != 1) continue;
    const auto [known, first] = last.try_emplace(delivery.id.partition, delivery.id.offset.value);
    if (first) continue;
    trial.check(delivery.id.offset.value > known->second,
                "partition " + std::to_string(delivery.id.partition.value) + " gave offset " +
                    std::to_string(delivery.id.offset.value) + " after " + std::to_string(known->second));
    known->second = delivery.id.offset.value;
  }
}

void run_together(Trial& trial, int count, const std::function<void(int, Trial&)>& run) {
  std::vector<Trial> own;
  for (int number = 0; number < count; ++number) own.emplace_back(trial.patience());
  {
    std::vector<std::jthread> threads;
    for (int number = 0; number < count; ++number)
      threads.emplace_back(
          [&, number] { own[static_cast<std::size_t>(number)].guard([&](Trial& mine) { run(number, mine); }); });
  }
  for (const auto& each : own) trial.take_over(each);
}

GroupInfo group_info(Trial& trial, Broker& broker, std::string_view topic, std::string_view group) {
  for (auto& info : trial.need(broker.groups(topic), "groups"))
    if (info.group == group) return info;
  trial.require(false, "groups does not know " + std::string(group));
  return {};
}

std::uint64_t end_of(Trial& trial, Broker& broker, std::string_view topic) {
  std::uint64_t sum = 0;
  for (const auto& partition : trial.need(broker.topic(topic), "topic").partitions) sum += partition.end.value;
  return sum;
}

}  // namespace tidings::testing
