#include "describe/flow.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

#include "tidings/base/text.hpp"
#include "tidings/base/time.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/service/names.hpp"

namespace tidings::cli {

namespace {

/// The name without the namespace before it.
std::string unnamed(std::string_view name_space, std::string_view name) {
  if (!name_space.empty() && name.starts_with(std::string(name_space) + ".")) name.remove_prefix(name_space.size() + 1);
  return std::string(name);
}

/// What stands behind `name=` in a URL's query; empty: nothing.
std::string_view option_of(std::string_view url, std::string_view name) {
  for (auto at = url.find('?'); at != std::string_view::npos; at = url.find('&', at + 1)) {
    const auto said = url.substr(at + 1, url.find('&', at + 1) - at - 1);
    if (said.starts_with(name) && said.substr(name.size()).starts_with("=")) return said.substr(name.size() + 1);
  }
  return {};
}

std::uint32_t replicas_of(std::string_view url) {
  std::uint32_t replicas = 1;
  const auto said = option_of(url, "replicas");
  std::from_chars(said.data(), said.data() + said.size(), replicas);
  return replicas;
}

/// Of `nats:`, as docs/brokers.md has it.
std::string duplicate_window_of(std::string_view url) {
  const auto said = option_of(url, "duplicate_window");
  return said.empty() ? "2min" : std::string(said);
}

/// The folder is one for all of them, and who keeps for the shortest time removes what others keep.
std::string shortest_claims(const std::vector<Described>& services) {
  std::string shortest;
  Duration least = Duration::max();
  for (const auto& one : services)
    if (const auto keep = parse_duration(one.told.claims_keep); keep && *keep < least)
      least = *keep, shortest = one.told.claims_keep;
  return shortest;
}

class Maker {
 public:
  Maker(std::vector<Described> services, const BrokerFacts* broker) : broker_(broker) {
    flow_.services = std::move(services);
    flow_.knows_broker = broker != nullptr;
  }

  Result<Flow> make() {
    for (const auto& one : flow_.services) {
      const auto& told = one.told;
      const auto& first = flow_.services.front().told;
      if (std::ranges::count(flow_.services, told.service, [](const Described& other) { return other.told.service; }) >
          1)
        return Error{"duplicate_service", "service " + printable(told.service) + " is told of twice; name it once"};
      if (told.name_space != first.name_space)
        return Error{"several_namespaces", "services " + printable(first.service) + " and " + printable(told.service) +
                                               " are in namespaces '" + printable(first.name_space) + "' and '" +
                                               printable(told.name_space) + "', and hear nothing of one another"};
      if (auto read = read_schemas(one); !read) return read.error();
    }
    if (auto one = check_one_broker(); !one) return one.error();
    collect_events();
    for (const auto& service : flow_.services) collect_groups(service.told);
    if (broker_ != nullptr) add_what_the_broker_has();
    std::ranges::sort(flow_.topics, {}, &Flow::Topic::name);
    for (const auto& service : flow_.services)
      for (const auto& handler : service.told.handlers) add_paths(service.told, handler);
    std::ranges::stable_sort(flow_.paths, [&](const Flow::Path& a, const Flow::Path& b) {
      return std::tie(flow_.events[a.event].topic, a.group) < std::tie(flow_.events[b.event].topic, b.group);
    });
    return std::move(flow_);
  }

 private:
  /// Guarantees are computed of one broker. Servers of one cluster may be named differently; what is asked of it may
  /// not. Where `--broker` says which it is, that counts.
  Result<> check_one_broker() const {
    if (broker_ != nullptr) return {};
    const ServiceDescription* first = nullptr;
    for (const auto& [told, line] : flow_.services) {
      if (told.broker.empty()) continue;  // the program opens its own, and nobody knows which
      if (first == nullptr) first = &told;
      if (is_same_broker(first->broker, told.broker)) continue;
      return Error{"several_brokers", "services " + printable(first->service) + " and " + printable(told.service) +
                                          " are on the brokers " + printable(first->broker) + " and " +
                                          printable(told.broker) +
                                          ", and hear nothing of one another; describe those of each by themselves, or "
                                          "name the one that counts with --broker"};
    }
    return {};
  }
  static bool is_same_broker(std::string_view a, std::string_view b) {
    const auto kind = broker_kind(a);
    if (kind != broker_kind(b)) return false;
    if (kind != BrokerKind::nats && kind != BrokerKind::kafka) return a == b;
    return replicas_of(a) == replicas_of(b) && duplicate_window_of(a) == duplicate_window_of(b);
  }

  Result<> read_schemas(const Described& one) {
    auto tree = parse_json_tree(one.line);
    if (!tree) return tree.error();
    if (const auto* const schemas = tree->find("schemas"); schemas != nullptr)
      for (const auto& [name, schema] : schemas->members) flow_.schemas.try_emplace(name, schema);
    return {};
  }

  /// Of an event that both a publisher and a handler tell of there is one.
  Flow::Event& event(const std::string& type, const std::string& topic) {
    for (auto& one : flow_.events)
      if (one.type == type && one.topic == topic) return one;
    flow_.events.push_back({.type = type, .topic = topic, .ttl = {}, .producers = {}});
    return flow_.events.back();
  }

  template <class Told>
  Flow::Event& take(const Told& told) {
    auto& one = event(told.type, told.topic);
    if (!told.versions.empty()) one.version = std::max(one.version, told.versions.front());
    if (one.ttl.empty()) one.ttl = told.ttl;
    return one;
  }

  /// Whoever publishes an event gives it its key; of several the weakest counts.
  template <class Told>
  Flow::Event& publish(const Told& told) {
    auto& one = take(told);
    one.keyed = told.keyed && (one.keyed || one.producers.empty());
    return one;
  }
  /// What handlers say of it counts where nobody is known to publish it.
  void handle(const ServiceDescription::Event& told) {
    auto& one = take(told);
    if (one.producers.empty()) one.keyed = one.keyed || told.keyed;
  }

  void collect_events() {
    for (const auto& service : flow_.services) {
      const auto& told = service.told;
      for (const auto& publication : told.publishes) {
        auto& made = publish(publication);
        for (const auto& name : publication.handlers) {
          const auto at = std::ranges::find(told.handlers, name, &ServiceDescription::Handler::name);
          const bool is_in_transaction = at != told.handlers.end() && at->transaction;
          add_producer(made, {told.service, name, is_in_transaction ? Publishing::outbox : Publishing::handler});
        }
        for (const auto& name : publication.schedules) add_producer(made, {told.service, name, Publishing::schedule});
        if (publication.outbox) add_producer(made, {told.service, "", Publishing::outbox});
        if (publication.elsewhere ||
            (publication.handlers.empty() && publication.schedules.empty() && !publication.outbox))
          add_producer(made, {told.service, "", Publishing::direct});
      }
      for (const auto& request : told.requests)
        add_producer(publish(request.event), {told.service, "", Publishing::direct});
    }
    for (const auto& service : flow_.services)
      for (const auto& handler : service.told.handlers) {
        for (const auto& one : handler.events) handle(one);
        if (handler.events.empty())
          for (const auto& topic : handler.topics)
            if (std::ranges::find(flow_.events, topic, &Flow::Event::topic) == flow_.events.end()) event("", topic);
      }
    // What takes whatever comes may have come before who publishes it.
    std::erase_if(flow_.events, [&](const Flow::Event& one) {
      return one.type.empty() && std::ranges::count(flow_.events, one.topic, &Flow::Event::topic) > 1;
    });
    std::ranges::sort(flow_.events, [](const Flow::Event& a, const Flow::Event& b) {
      return std::tie(a.topic, a.type) < std::tie(b.topic, b.type);
    });
    for (std::size_t at = 0; at < flow_.events.size(); ++at) topic_of(flow_.events[at].topic).events.push_back(at);
    for (const auto& service : flow_.services) name_topics(service.told);
  }

  static void add_producer(Flow::Event& event, Flow::Producer producer) {
    if (std::ranges::find(event.producers, producer) == event.producers.end())
      event.producers.push_back(std::move(producer));
  }

  Flow::Topic& topic_of(const std::string& name) {
    for (auto& one : flow_.topics)
      if (one.name == name) return one;
    flow_.topics.push_back({.name = name,
                            .name_space = {},
                            .broker = {},
                            .durability = {},
                            .partitions = {},
                            .events_kept = {},
                            .retention = {},
                            .events = {},
                            .groups = {}});
    return flow_.topics.back();
  }

  /// Where a topic is: with the services that use it.
  void name_topics(const ServiceDescription& told) {
    const auto place = [&](const std::string& name) {
      auto& topic = topic_of(name);
      if (topic.broker.empty()) topic.broker = broker_ != nullptr ? broker_->url : told.broker;
      if (topic.name_space.empty()) topic.name_space = told.name_space;
    };
    for (const auto& one : told.publishes) place(one.topic);
    for (const auto& one : told.requests) place(one.event.topic);
    for (const auto& handler : told.handlers)
      for (const auto& name : handler.topics) place(name);
  }

  void collect_groups(const ServiceDescription& told) {
    for (const auto& handler : told.handlers)
      for (const auto& name : handler.topics)
        topic_of(name).groups.push_back({.name = unnamed(told.name_space, handler.group),
                                         .service = told.service,
                                         .handler = handler.name,
                                         .dead_letters = unnamed(told.name_space, handler.dead_letters),
                                         .lag = {}});
  }

  void add_what_the_broker_has() {
    const auto name_space = flow_.services.empty() ? std::string() : flow_.services.front().told.name_space;
    for (const auto& info : broker_->topics) {
      // Tidings' own are of no service, and dead letters stand with their groups.
      const auto at = std::ranges::find_if(
          flow_.topics, [&](const Flow::Topic& one) { return in_namespace(one.name_space, one.name) == info.name; });
      if (at == flow_.topics.end() && (!name_space.empty() && !info.name.starts_with(name_space + "."))) continue;
      const auto name = unnamed(name_space, info.name);
      if (at == flow_.topics.end() && (name.starts_with("tidings.") || name.ends_with(".dead-letters"))) continue;
      auto& topic = at == flow_.topics.end() ? topic_of(name) : *at;
      if (topic.broker.empty()) topic.broker = broker_->url;
      if (at == flow_.topics.end()) topic.name_space = name_space;
      if (info.error) continue;
      topic.durability = info.durability;
      topic.retention = info.retention;
      topic.partitions = static_cast<std::uint32_t>(info.partitions.size());
      topic.events_kept = 0;
      for (const auto& partition : info.partitions)
        *topic.events_kept += partition.end.value - partition.earliest.value;
    }
    for (const auto& info : broker_->groups) {
      const auto topic = std::ranges::find_if(
          flow_.topics, [&](const Flow::Topic& one) { return in_namespace(one.name_space, one.name) == info.topic; });
      if (topic == flow_.topics.end() || info.error) continue;
      const auto name = unnamed(topic->name_space, info.group);
      auto group = std::ranges::find(topic->groups, name, &Flow::Group::name);
      if (group == topic->groups.end())
        group =
            topic->groups.insert(group, {.name = name, .service = {}, .handler = {}, .dead_letters = {}, .lag = {}});
      group->lag = info.lag();
      for (const auto& partition : info.partitions) group->parked += partition.parked;
    }
  }

  void add_paths(const ServiceDescription& told, const ServiceDescription::Handler& handler) {
    for (std::size_t at = 0; at < flow_.events.size(); ++at) {
      const auto& event = flow_.events[at];
      const bool is_taken = handler.events.empty()
                                ? std::ranges::find(handler.topics, event.topic) != handler.topics.end()
                                : std::ranges::any_of(handler.events, [&](const ServiceDescription::Event& one) {
                                    return one.type == event.type && one.topic == event.topic;
                                  });
      if (!is_taken) continue;
      const auto facts = facts_of(event, told, handler);
      std::optional<Guarantees> all;
      for (const auto& producer : event.producers) {
        const auto made = guarantees_of(with_producer(facts, producer, event));
        if (all)
          add_to(*all, made);
        else
          all = made;
      }
      flow_.paths.push_back({.event = at,
                             .service = told.service,
                             .handler = handler.name,
                             .group = unnamed(told.name_space, handler.group),
                             .guarantees = all ? *all : guarantees_of(facts)});
    }
  }

  PathFacts facts_of(const Flow::Event& event, const ServiceDescription& told,
                     const ServiceDescription::Handler& handler) const {
    const auto& topic = *flow_.topic(event.topic);
    PathFacts facts{.broker = broker_kind(topic.broker),
                    .durability = topic.durability,
                    .replicas = replicas_of(topic.broker),
                    .duplicate_window = duplicate_window_of(topic.broker),
                    .claims_keep = shortest_claims(flow_.services),
                    .keyed = event.type.empty() ? std::nullopt : std::optional(event.keyed),
                    .ttl = event.ttl,
                    .by = Publishing::unknown,
                    .transaction = handler.transaction,
                    .inbox_window = told.inbox_window,
                    .batches = handler.batches,
                    .concurrency = handler.concurrency,
                    .retries = handler.retries,
                    .parked_wait = handler.after_parked != "go_on",
                    .remembers = handler.remembers,
                    .each_process = handler.each_process,
                    .starts_latest = handler.start == "latest"};
    if (topic.retention) {
      facts.is_bounded = !topic.retention->is_for_ever();
      facts.waits_for_groups = topic.retention->waits_for_groups;
    }
    return facts;
  }

  PathFacts with_producer(PathFacts facts, const Flow::Producer& producer, const Flow::Event& event) const {
    facts.by = producer.by;
    facts.has_others = event.producers.size() > 1;
    for (const auto& service : flow_.services)
      if (service.told.service == producer.service) {
        facts.relays = service.told.relays;
        facts.is_serial = service.told.store.starts_with("sqlite:") ||
                          std::ranges::any_of(service.told.sagas, [&](const saga::Description& one) {
                            return producer.name == "saga-" + one.name;
                          });
      }
    return facts;
  }

  const BrokerFacts* broker_;
  Flow flow_;
};

}  // namespace

Result<Described> read_description(std::string_view json, const std::string& whose) {
  auto told = JsonCodec::decode<ServiceDescription>(json);
  if (!told || told->service.empty())
    return Error{"no_description", whose + " tells nothing of a service" + (told ? "" : ": " + told.error().message) +
                                       "; it must be a program that makes its Service with from_args, and runs it"};
  if (told->version != 1)
    return Error{"newer_version", whose + " is a description in version " + std::to_string(told->version) +
                                      ", which this tidings does not know; take the one that it was built with"};
  auto tree = parse_json_tree(json);
  if (!tree) return tree.error();
  return Described{std::move(*told), to_json(*tree)};
}

const Flow::Topic* Flow::topic(std::string_view name) const {
  const auto at = std::ranges::find(topics, name, &Topic::name);
  return at == topics.end() ? nullptr : &*at;
}

const JsonTree* Flow::schema(const std::string& type) const {
  const JsonTree* newest = nullptr;
  std::uint64_t newest_version = 0;
  for (const auto& [name, schema] : schemas) {
    if (!name.starts_with(type + "/")) continue;
    std::uint64_t version = 0;
    const auto* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + type.size() + 1, end, version);
    if (error != std::errc{} || stop != end || (newest != nullptr && version < newest_version)) continue;
    newest = &schema;
    newest_version = version;
  }
  return newest;
}

Result<Flow> make_flow(std::vector<Described> services, const BrokerFacts* broker) {
  return Maker(std::move(services), broker).make();
}

BrokerKind broker_kind(std::string_view url) {
  const auto scheme = url.substr(0, url.find(':'));
  if (scheme == "memory") return BrokerKind::memory;
  if (scheme == "log") return BrokerKind::log;
  if (scheme == "nats") return BrokerKind::nats;
  return scheme == "kafka" ? BrokerKind::kafka : BrokerKind::unknown;
}

std::string_view to_text(Publishing by) {
  switch (by) {
    case Publishing::outbox:
      return "outbox";
    case Publishing::handler:
      return "after its success";
    case Publishing::schedule:
      return "schedule";
    case Publishing::direct:
      return "direct";
    case Publishing::unknown:
      break;
  }
  return "unknown";
}

std::string to_text(const Flow::Producer& producer) {
  return producer.name.empty() ? producer.service : producer.service + "/" + producer.name;
}

Error unknown_event(const Flow& flow, const std::string& type) {
  std::vector<std::string> names;
  for (const auto& one : flow.events)
    if (!one.type.empty()) names.push_back(one.type);
  const auto meant = nearest(type, names);
  std::string all;
  for (const auto& name : std::set<std::string>(names.begin(), names.end())) all += (all.empty() ? "" : ", ") + name;
  return {"unknown_event", "none of these services tells of an event '" + printable(type) + "'" +
                               (!meant.empty() ? "; '" + printable(meant) + "' may be meant"
                                : all.empty()  ? ""
                                               : "; there are " + printable(all))};
}

}  // namespace tidings::cli
