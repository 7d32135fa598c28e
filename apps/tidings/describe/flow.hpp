#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "describe/guarantees.hpp"
#include "describe/json_tree.hpp"
#include "tidings/broker/types.hpp"
#include "tidings/service/description.hpp"

// How events go from service to service: put together from what services say of themselves, and what a broker has.
namespace tidings::cli {

class JsonLine;

/// A service, as it describes itself.
struct Described {
  ServiceDescription told;
  std::string line;  ///< its JSON on one line, which has its schemas, too
};

/// A description's JSON: the last line that a program prints, or a file. Errors (never): `no_description`,
/// `newer_version`; `whose` stands in the message.
[[nodiscard]] Result<Described> read_description(std::string_view json, const std::string& whose);

/// What a broker has, under the names that it has for it.
struct BrokerFacts {
  std::string url;  ///< without a password
  std::vector<TopicInfo> topics;
  std::vector<GroupInfo> groups;
};

struct Flow {
  /// Who publishes an event.
  struct Producer {
    std::string service;
    std::string name;  ///< of the handler or schedule; empty: the service itself
    Publishing by = Publishing::direct;
    bool operator==(const Producer&) const = default;
  };
  struct Event {
    std::string type;  ///< empty: whatever comes on the topic
    std::uint32_t version = 1;
    std::string topic;
    bool keyed = false;
    std::string ttl;
    std::vector<Producer> producers;  ///< none: by none of the services that are known
  };
  /// An event, its topic, and the group of one handler.
  struct Path {
    std::size_t event = 0;  ///< of `events`
    std::string service;
    std::string handler;
    std::string group;
    Guarantees guarantees;
  };
  struct Group {
    std::string name;
    std::string service;  ///< empty: of none that is known
    std::string handler;
    std::string dead_letters;
    std::optional<std::uint64_t> lag;
    std::uint64_t parked = 0;
  };
  struct Topic {
    std::string name;
    std::string name_space;
    std::string broker;  ///< its URL
    std::optional<Durability> durability;
    std::optional<std::uint32_t> partitions;
    std::optional<std::uint64_t> events_kept;
    std::optional<Retention> retention;
    std::vector<std::size_t> events;  ///< of `events`
    std::vector<Group> groups;
  };

  std::vector<Described> services;
  std::vector<Event> events;  ///< by topic, then type
  std::vector<Topic> topics;  ///< that services use, by name; and others, which the broker has
  std::vector<Path> paths;    ///< by topic, group, event
  bool knows_broker = false;
  std::map<std::string, JsonTree> schemas;  ///< by `TYPE/VERSION`

  [[nodiscard]] const Topic* topic(std::string_view name) const;
  /// Of its newest version that is known, or null.
  [[nodiscard]] const JsonTree* schema(const std::string& type) const;
};

/// `broker`: null where from code alone. Errors (never): `duplicate_service`, `several_namespaces`,
/// `several_brokers`.
[[nodiscard]] Result<Flow> make_flow(std::vector<Described> services, const BrokerFacts* broker);

[[nodiscard]] BrokerKind broker_kind(std::string_view url);
[[nodiscard]] std::string_view to_text(Publishing by);

/// `orders/take-orders`.
[[nodiscard]] std::string to_text(const Flow::Producer& producer);

/// Eighty columns wide, as are those below.
[[nodiscard]] std::string to_text(const Flow& flow);
/// All of one event type: who publishes it, where it goes, what is done with it. Error `unknown_event`.
[[nodiscard]] Result<std::string> explain(const Flow& flow, const std::string& type);
[[nodiscard]] std::string to_json(const Flow& flow);
/// An AsyncAPI 3.0 document.
[[nodiscard]] std::string to_asyncapi(const Flow& flow);
/// A flowchart of Mermaid's, and a graph for Graphviz' dot.
[[nodiscard]] std::string to_mermaid(const Flow& flow);
[[nodiscard]] std::string to_dot(const Flow& flow);
/// The JSON Schema (2020-12) of one event, as `shop.order-placed` (the newest version) or `shop.order-placed/1`, or of
/// `all`, under `$defs`. Error `unknown_event`.
[[nodiscard]] Result<std::string> schema_of(const Flow& flow, const std::string& event);

/// Error `unknown_event`, which names those that are there.
[[nodiscard]] Error unknown_event(const Flow& flow, const std::string& type);

}  // namespace tidings::cli
