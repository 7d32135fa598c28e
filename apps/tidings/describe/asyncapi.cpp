#include <algorithm>
#include <map>
#include <set>

#include "describe/flow.hpp"
#include "describe/words.hpp"
#include "json_line.hpp"
#include "tidings/service/names.hpp"

// AsyncAPI 3.0: topics are channels, services send and receive.
// https://www.asyncapi.com/docs/reference/specification/v3.0.0
namespace tidings::cli {

namespace {

std::string text(std::string_view value) {
  std::string out;
  append_json_string(out, value);
  return out;
}

std::string reference(const std::string& to) {
  return JsonLine().add("$ref", to).str();
}

/// Gives each name one that AsyncAPI allows, and no two the same.
class Names {
 public:
  std::string operator()(const std::string& name) {
    if (const auto at = given_.find(name); at != given_.end()) return at->second;
    auto made = plain_name(name);
    for (int number = 2; !taken_.insert(made).second; ++number) made = plain_name(name) + "-" + std::to_string(number);
    return given_[name] = made;
  }

 private:
  std::map<std::string, std::string> given_;
  std::set<std::string> taken_;
};

/// Where an event's schema refers to `#/$defs/X`, that stands among the components.
void point_elsewhere(JsonTree& tree, const std::string& before, Names& names) {
  static constexpr std::string_view defs = "#/$defs/";
  for (auto& [name, member] : tree.members) {
    if (name == "$ref" && member.kind == JsonTree::Kind::text && member.scalar.starts_with(defs))
      member.scalar = "#/components/schemas/" + names(before + "." + member.scalar.substr(defs.size()));
    else
      point_elsewhere(member, before, names);
  }
  for (auto& item : tree.items) point_elsewhere(item, before, names);
}

class Writer {
 public:
  explicit Writer(const Flow& flow) : flow_(flow) {}

  std::string write() {
    write_schemas();
    write_messages();
    write_channels();
    for (const auto& one : flow_.services) write_operations(one.told);
    std::string title;
    for (const auto& one : flow_.services) title += (title.empty() ? "" : ", ") + one.told.service;
    return JsonLine()
               .add("asyncapi", "3.0.0")
               .raw("info",
                    JsonLine()
                        .add("title", title.empty() ? "no services" : title)
                        .add("version", "1.0.0")
                        .add("description", "Events of " + title +
                                                ", as they describe themselves. On the wire they are CloudEvents 1.0.")
                        .str())
               .add("defaultContentType", "application/json")
               .raw("servers", servers_.str())
               .raw("channels", channels_.str())
               .raw("operations", operations_.str())
               .raw("components", JsonLine().raw("messages", messages_.str()).raw("schemas", schemas_.str()).str())
               .str() +
           "\n";
  }

 private:
  void write_schemas() {
    for (const auto& [name, schema] : flow_.schemas) {
      auto own = schema;
      std::erase_if(own.members, [](const auto& one) { return one.first == "$schema" || one.first == "$defs"; });
      point_elsewhere(own, name, names_);
      schemas_.raw(names_(name), cli::to_json(own));
      const auto* const defs = schema.find("$defs");
      if (defs == nullptr) continue;
      for (auto [within, one] : defs->members) {
        point_elsewhere(one, name, names_);
        schemas_.raw(names_(name + "." + within), cli::to_json(one));
      }
    }
  }

  /// The attributes that come in headers, as this broker spells them.
  static std::string headers(BrokerKind broker, const Flow::Event& event) {
    const std::string before = broker == BrokerKind::kafka ? "ce_" : broker == BrokerKind::nats ? "ce-" : "";
    const auto string = JsonLine().add("type", "string").str();
    JsonLine properties;
    properties.raw(before + "specversion", JsonLine().add("type", "string").add("const", "1.0").str())
        .raw(before + "id", string)
        .raw(before + "source", string)
        .raw(before + "type",
             event.type.empty() ? string : JsonLine().add("type", "string").add("const", event.type).str())
        .raw(before + "time", JsonLine().add("type", "string").add("format", "date-time").str())
        .raw(before + "partitionkey", string)
        .raw(before + "correlationid", string)
        .raw(before + "causationid", string)
        .raw(before + "traceparent", string)
        .raw(before + "tidingsversion", string);
    if (!event.ttl.empty())
      properties.raw(before + "expirytime", JsonLine().add("type", "string").add("format", "date-time").str());
    return JsonLine()
        .add("type", "object")
        .raw("required", json_array({text(before + "specversion"), text(before + "id"), text(before + "source"),
                                     text(before + "type")}))
        .raw("properties", properties.str())
        .str();
  }

  static std::string message_key(const Flow::Event& event) {
    return event.topic + "/" + (event.type.empty() ? "anything" : event.type);
  }

  void write_messages() {
    for (const auto& event : flow_.events) {
      const auto broker = broker_kind(flow_.topic(event.topic)->broker);
      JsonLine message;
      message.add("name", event.type.empty() ? "anything" : event.type)
          .add("title", event.type.empty() ? "whatever comes on " + event.topic
                                           : event.type + ", version " + std::to_string(event.version))
          .add("contentType", "application/json")
          .raw("headers", headers(broker, event));
      if (flow_.schema(event.type) != nullptr)
        message.raw("payload", reference("#/components/schemas/" + names_(newest(event.type))));
      if (broker == BrokerKind::kafka)
        message.raw(
            "bindings",
            JsonLine()
                .raw("kafka",
                     JsonLine().raw("key", JsonLine().add("type", "string").str()).add("bindingVersion", "0.5.0").str())
                .str());
      message.raw("x-tidings-version", std::to_string(event.version))
          .raw("x-tidings-keyed", event.keyed ? "true" : "false");
      messages_.raw(message_names_(message_key(event)), message.str());
    }
  }

  [[nodiscard]] std::string newest(const std::string& type) const {
    const auto* const schema = flow_.schema(type);
    return std::ranges::find_if(flow_.schemas, [&](const auto& one) { return &one.second == schema; })->first;
  }

  std::string server_of(const std::string& url) {
    const auto name = server_names_(url.empty() ? "broker" : url.substr(0, url.find_first_of(":/")));
    if (!servers_written_.insert(name).second) return name;
    const auto kind = broker_kind(url);
    auto host = url.substr(std::min(url.find(':'), url.size()));
    host.erase(0, host.starts_with("://") ? 3 : 1);
    if (kind == BrokerKind::nats || kind == BrokerKind::kafka) host = host.substr(0, host.find_first_of("/?"));
    const bool is_network = kind == BrokerKind::nats || kind == BrokerKind::kafka;
    if (is_network && host.find('@') != std::string::npos) host.erase(0, host.find('@') + 1);
    JsonLine server;
    server.add("host", is_network && !host.empty() ? host : "localhost")
        .add("protocol", kind == BrokerKind::unknown ? "unknown" : url.substr(0, url.find(':')));
    if (!is_network)
      server.add("description",
                 url.empty() ? "opened by the programs themselves"
                             : "Tidings' " + url + ": no server, " +
                                   (kind == BrokerKind::log ? "a folder of this machine" : "within one process"));
    if (kind == BrokerKind::kafka)
      server.raw("bindings", JsonLine().raw("kafka", JsonLine().add("bindingVersion", "0.5.0").str()).str());
    servers_.raw(name, server.str());
    return name;
  }

  /// On `nats:` a topic is a subject for each partition (docs/brokers.md); there are no bindings of channels.
  static std::string address_of(BrokerKind broker, const std::string& topic) {
    auto address = plain_name(topic);
    if (broker != BrokerKind::nats) return address;
    std::ranges::replace(address, '.', '=');
    return "tidings." + address + ".{partition}";
  }

  static std::string partition_parameter(const std::optional<std::uint32_t>& partitions) {
    const auto which = partitions.value_or(0) > 0 ? "0 to " + std::to_string(*partitions - 1) : "from 0";
    return JsonLine()
        .raw("partition", JsonLine().add("description", "the number of the partition, " + which).str())
        .str();
  }

  void write_channels() {
    for (const auto& topic : flow_.topics) {
      JsonLine messages;
      for (const auto at : topic.events) {
        const auto name = message_names_(message_key(flow_.events[at]));
        messages.raw(name, reference("#/components/messages/" + name));
      }
      JsonLine channel;
      const auto broker = broker_kind(topic.broker);
      channel.add("address", address_of(broker, in_namespace(topic.name_space, topic.name)))
          .raw("messages", messages.str())
          .raw("servers", json_array({reference("#/servers/" + server_of(topic.broker))}));
      if (broker == BrokerKind::nats) channel.raw("parameters", partition_parameter(topic.partitions));
      if (broker == BrokerKind::kafka) {
        JsonLine kafka;
        kafka.add("topic", in_namespace(topic.name_space, topic.name));
        if (topic.partitions) kafka.add("partitions", *topic.partitions);
        channel.raw("bindings", JsonLine().raw("kafka", kafka.add("bindingVersion", "0.5.0").str()).str());
      }
      if (topic.durability) channel.add("x-tidings-durability", to_string(*topic.durability));
      channels_.raw(channel_names_(topic.name), channel.str());
    }
    // Replies have a topic of the asking service's own.
    for (const auto& service : flow_.services)
      for (const auto& request : service.told.requests) write_replies(service.told, request);
  }

  void write_replies(const ServiceDescription& told, const ServiceDescription::Request& request) {
    if (!replies_written_.insert(request.replies_topic).second) return;
    JsonLine messages;
    std::set<std::string> written;
    for (const auto& other : told.requests)
      for (const auto& reply : other.replies) {
        const auto name = message_names_(request.replies_topic + "/" + reply.type);
        if (!written.insert(name).second) continue;
        messages.raw(name, reference("#/components/messages/" + name));
        JsonLine message;
        message.add("name", reply.type).add("contentType", "application/json");
        if (flow_.schema(reply.type) != nullptr)
          message.raw("payload", reference("#/components/schemas/" + names_(newest(reply.type))));
        messages_.raw(name, message.str());
      }
    JsonLine channel;
    const auto broker = broker_kind(told.broker);
    channel.add("address", address_of(broker, in_namespace(told.name_space, request.replies_topic)))
        .raw("messages", messages.str())
        .raw("servers", json_array({reference("#/servers/" + server_of(told.broker))}));
    if (broker == BrokerKind::nats) channel.raw("parameters", partition_parameter({}));
    channels_.raw(channel_names_(request.replies_topic), channel.str());
  }

  /// The events of these paths or of this publisher, as a channel has them.
  std::string operation(std::string_view action, const std::string& topic, const std::vector<std::string>& events,
                        const std::string& summary, const std::string& group,
                        const ServiceDescription::Request* request) {
    const auto channel = "#/channels/" + channel_names_(topic);
    std::vector<std::string> messages;
    for (const auto& one : events)
      messages.push_back(reference(channel + "/messages/" + message_names_(topic + "/" + one)));
    JsonLine line;
    line.add("action", action)
        .raw("channel", reference(channel))
        .add("summary", summary)
        .raw("messages", json_array(messages));
    const auto& name_space = flow_.topic(topic)->name_space;
    const auto broker = broker_kind(flow_.topic(topic)->broker);
    if (!group.empty() && broker == BrokerKind::kafka)
      line.raw("bindings",
               JsonLine()
                   .raw("kafka",
                        JsonLine()
                            .raw("groupId", JsonLine()
                                                .add("type", "string")
                                                .raw("enum", json_array({text(in_namespace(name_space, group) + "@" +
                                                                              in_namespace(name_space, topic))}))
                                                .str())
                            .add("bindingVersion", "0.5.0")
                            .str())
                   .str());
    if (!group.empty()) line.add("x-tidings-group", group);
    if (request != nullptr) {
      const auto replies = "#/channels/" + channel_names_(request->replies_topic);
      std::vector<std::string> answers;
      for (const auto& reply : request->replies)
        answers.push_back(
            reference(replies + "/messages/" + message_names_(request->replies_topic + "/" + reply.type)));
      line.raw("reply", JsonLine().raw("channel", reference(replies)).raw("messages", json_array(answers)).str());
    }
    return line.str();
  }

  void write_operations(const ServiceDescription& told) {
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> sent;  // topic, who: events
    for (const auto& event : flow_.events)
      for (const auto& producer : event.producers)
        if (producer.service == told.service) sent[{event.topic, producer.name}].push_back(event.type);
    for (const auto& [at, events] : sent) {
      const auto who = told.service + (at.second.empty() ? "" : "." + at.second);
      operations_.raw(operation_names_("send." + who + "." + at.first),
                      operation("send", at.first, events, who + " publishes to " + at.first, "", nullptr));
    }
    for (const auto& request : told.requests)
      operations_.raw(
          operation_names_("ask." + told.service + "." + request.event.type),
          operation("send", request.event.topic, {request.event.type}, told.service + " asks", "", &request));
    for (const auto& handler : told.handlers)
      for (const auto& topic : handler.topics) {
        std::vector<std::string> events;
        std::string group;
        for (const auto& path : flow_.paths) {
          const auto& event = flow_.events[path.event];
          if (path.service != told.service || path.handler != handler.name || event.topic != topic) continue;
          events.push_back(event.type.empty() ? "anything" : event.type);
          group = path.group;
        }
        operations_.raw(
            operation_names_("receive." + told.service + "." + handler.name + "." + topic),
            operation("receive", topic, events, "handler " + handler.name + " of " + told.service, group, nullptr));
      }
  }

  const Flow& flow_;
  Names names_, message_names_, channel_names_, operation_names_, server_names_;
  std::set<std::string> servers_written_, replies_written_;
  JsonLine servers_, channels_, operations_, messages_, schemas_;
};

}  // namespace

std::string to_asyncapi(const Flow& flow) {
  return Writer(flow).write();
}

}  // namespace tidings::cli
