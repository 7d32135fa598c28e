#include "dashboard/flow.hpp"

#include <algorithm>

#include "json_line.hpp"
#include "output.hpp"
#include "reading.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t sources_max = 100, types_max = 50, topics_max = 10'000;

}  // namespace

void Sources::learn(std::string_view topic, std::string_view source, std::string_view type) {
  const std::scoped_lock lock(mutex_);
  auto at = topics_.find(topic);
  if (at == topics_.end()) {
    if (topics_.size() >= topics_max) return;
    at = topics_.emplace(topic, Topic{}).first;
  }
  auto& of = at->second;
  auto known = of.types.find(source);
  if (known == of.types.end()) {
    if (of.types.size() >= sources_max) return;
    known = of.types.emplace(source, std::set<std::string, std::less<>>{}).first;
  }
  if (known->second.size() < types_max) known->second.emplace(type);
  of.lately.emplace_back(source);
  if (of.lately.size() > window) of.lately.pop_front();
}

void Sources::look(Broker& broker, const Common& common, const Observation& seen, SteadyTime until, Clock& clock,
                   const std::function<void(const std::string&, const Error&)>& on_damage) {
  std::vector<const TopicInfo*> order;
  for (const auto& topic : seen.topics)
    if (!is_own_topic(topic.name) && !is_of_dead_letters(topic.name)) order.push_back(&topic);
  const auto first = std::ranges::find_if(order, [&](const auto* topic) { return topic->name >= next_; });
  std::ranges::rotate(order, first);
  next_.clear();
  for (const auto* topic : order) {
    if (clock.steady_now() >= until) {
      next_ = topic->name;
      return;
    }
    std::map<std::uint32_t, std::uint64_t> read_to, ends;
    {
      const std::scoped_lock lock(mutex_);
      if (const auto at = topics_.find(topic->name); at != topics_.end()) read_to = at->second.read_to;
    }
    const bool is_first = read_to.empty();
    const auto most =
        std::max<std::uint64_t>(1, (is_first ? window : of_new) / std::max<std::size_t>(topic->partitions.size(), 1));
    std::vector<Offset> from(topic->partitions.size());
    bool is_sampled = false;
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      const auto& one = topic->partitions[i];
      const auto number = one.partition.value;
      if (from.size() <= number) from.resize(number + 1);
      auto begin = std::max(one.earliest.value, is_first ? 0 : read_to[number]);
      if (one.end.value > begin + most) {
        begin = one.end.value - most;
        is_sampled = is_sampled || !is_first;
      }
      from[number] = Offset{begin};
      if (begin < one.end.value) ends[number] = one.end.value;
      read_to[number] = one.end.value;
    }
    const auto all_ends = ends;
    if (!ends.empty()) {
      auto read = read_up_to(broker, named(common, topic->name), std::move(ends),
                             {.from = Start::each(from),
                              .quiet_max = 1s,
                              .goes_on = [&] { return clock.steady_now() < until + 1s; },
                              .on_damage =
                                  [&](const Error& why) {
                                    if (on_damage) on_damage(topic->name, why);
                                  }},
                             [&](const Delivery& one) {
                               const auto end = all_ends.find(one.id.partition.value);
                               if (end != all_ends.end() && one.id.offset.value < end->second)
                                 learn(topic->name, one.envelope.source, one.envelope.type);
                             });
      if (!read) continue;
    }
    const std::scoped_lock lock(mutex_);
    if (topics_.size() >= topics_max && !topics_.contains(topic->name)) continue;
    auto& of = topics_[topic->name];
    of.read_to = std::move(read_to);
    of.is_sampled = is_sampled;
  }
  // Of topics that have gone nothing is told.
  const std::scoped_lock lock(mutex_);
  std::erase_if(topics_, [&](const auto& one) { return seen.topic(one.first) == nullptr; });
}

std::vector<Sources::Published> Sources::published() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Published> out;
  for (const auto& [name, topic] : topics_)
    for (const auto& [source, types] : topic.types) {
      const auto count = std::ranges::count(topic.lately, source);
      out.push_back(
          {.topic = name,
           .source = source,
           .types = {types.begin(), types.end()},
           .share = topic.lately.empty() ? 0 : static_cast<double>(count) / static_cast<double>(topic.lately.size())});
    }
  return out;
}

bool Sources::is_sampled() const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(topics_, [](const auto& one) { return one.second.is_sampled; });
}

std::string flow_json(const Picture& picture, const Sources& sources) {
  std::map<std::string, std::string> services;  // by name, as JSON
  for (const auto& one : picture.services)
    services[one.service] =
        JsonLine().add("name", one.service).add("status", name_of(one.doing)).add("reason", one.reason).str();
  std::vector<std::string> publishes;
  for (const auto& one : sources.published()) {
    const auto* const topic = picture.topic(one.topic);
    if (topic == nullptr || one.source.empty()) continue;
    if (!services.contains(one.source))
      services[one.source] = JsonLine()
                                 .add("name", one.source)
                                 .add("status", "idle")
                                 .add("reason", "it handles nothing, and publishes")
                                 .str();
    std::vector<std::string> types;
    for (const auto& type : one.types) types.push_back(json_text(type));
    publishes.push_back(JsonLine()
                            .add("service", one.source)
                            .add("topic", one.topic)
                            .raw("types", json_array(types))
                            .real("rate", topic->rate * one.share)
                            .str());
  }
  std::map<std::pair<std::string, std::string>, std::vector<const GroupState*>> ways;  // topic, service
  for (const auto& one : picture.groups) ways[{one.topic, service_of(one.group)}].push_back(&one);
  std::vector<std::string> consumes;
  for (const auto& [way, groups] : ways) {
    std::vector<std::string> handlers;
    double rate = 0;
    std::uint64_t lag = 0;
    auto worst = Doing::idle;
    for (const auto* const one : groups) {
      rate += one->judgement.handled_rate;
      lag += one->lag;
      worst = std::max(worst, one->judgement.doing);
      handlers.push_back(JsonLine()
                             .add("handler", handler_of(one->group))
                             .add("group", one->group)
                             .real("rate", one->judgement.handled_rate)
                             .add("lag", one->lag)
                             .add("status", name_of(one->judgement.doing))
                             .str());
    }
    consumes.push_back(JsonLine()
                           .add("topic", way.first)
                           .add("service", way.second)
                           .raw("handlers", json_array(handlers))
                           .real("rate", rate)
                           .add("lag", lag)
                           .add("status", name_of(worst))
                           .str());
  }
  std::vector<std::string> service_list, topics;
  for (const auto& [name, json] : services) service_list.push_back(json);
  for (const auto& one : picture.topics)
    topics.push_back(JsonLine().add("name", one.topic).real("rate", one.rate).add("events", one.events).str());
  return JsonLine()
      .add("now", to_rfc3339(picture.now))
      .raw("services", json_array(service_list))
      .raw("topics", json_array(topics))
      .raw("publishes", json_array(publishes))
      .raw("consumes", json_array(consumes))
      .flag("sampled", sources.is_sampled())
      .str();
}

}  // namespace tidings::cli
