#include <algorithm>

#include "describe/flow.hpp"
#include "json_line.hpp"

namespace tidings::cli {

namespace {

std::string texts(const std::vector<std::string>& all) {
  std::vector<std::string> quoted;
  quoted.reserve(all.size());
  for (const auto& one : all) quoted.push_back(json_text(one));
  return json_array(quoted);
}

std::string to_json(const Guarantee& guarantee) {
  std::vector<std::string> causes;
  causes.reserve(guarantee.causes.size());
  for (const auto& one : guarantee.causes)
    causes.push_back(JsonLine().add("name", one.name).add("when", one.when).add("change", one.change).str());
  return JsonLine()
      .raw("holds", guarantee.causes.empty() ? "true" : "false")
      .raw("causes", json_array(causes))
      .raw("because", texts(guarantee.because))
      .raw("provided", texts(guarantee.provided))
      .str();
}

std::string to_json(const Flow::Producer& producer) {
  return JsonLine().add("service", producer.service).add("name", producer.name).add("by", to_text(producer.by)).str();
}

std::string to_json(const Flow& flow, const Flow::Topic& topic) {
  JsonLine line;
  line.add("topic", topic.name).add("namespace", topic.name_space).add("broker", topic.broker);
  if (topic.durability) line.add("durability", to_string(*topic.durability));
  if (topic.partitions) line.add("partitions", *topic.partitions);
  if (topic.events_kept) line.add("events_kept", *topic.events_kept);
  if (topic.retention)
    line.raw("retention", JsonLine()
                              .add("bytes", topic.retention->bytes)
                              .add("age", to_iso8601(topic.retention->age))
                              .raw("waits_for_groups", topic.retention->waits_for_groups ? "true" : "false")
                              .str());
  std::vector<std::string> events, groups;
  for (const auto at : topic.events) {
    const auto& event = flow.events[at];
    std::vector<std::string> producers;
    for (const auto& one : event.producers) producers.push_back(to_json(one));
    events.push_back(JsonLine()
                         .add("type", event.type)
                         .add("version", event.version)
                         .raw("keyed", event.keyed ? "true" : "false")
                         .add("ttl", event.ttl)
                         .raw("producers", json_array(producers))
                         .str());
  }
  for (const auto& one : topic.groups) {
    JsonLine group;
    group.add("group", one.name)
        .add("service", one.service)
        .add("handler", one.handler)
        .add("dead_letters", one.dead_letters);
    if (one.lag) group.add("lag", *one.lag).add("parked", one.parked);
    groups.push_back(group.str());
  }
  return line.raw("events", json_array(events)).raw("groups", json_array(groups)).str();
}

}  // namespace

std::string to_json(const Flow& flow) {
  std::vector<std::string> services, topics, paths;
  for (const auto& one : flow.services) services.push_back(one.line);
  for (const auto& one : flow.topics) topics.push_back(to_json(flow, one));
  for (const auto& one : flow.paths) {
    const auto& event = flow.events[one.event];
    paths.push_back(JsonLine()
                        .add("event", event.type)
                        .add("topic", event.topic)
                        .add("group", one.group)
                        .add("service", one.service)
                        .add("handler", one.handler)
                        .raw("loss", to_json(one.guarantees.loss))
                        .raw("duplicates", to_json(one.guarantees.duplicates))
                        .raw("order", to_json(one.guarantees.order))
                        .str());
  }
  return JsonLine()
             .add("version", 1)
             .raw("knows_broker", flow.knows_broker ? "true" : "false")
             .raw("services", json_array(services))
             .raw("topics", json_array(topics))
             .raw("paths", json_array(paths))
             .str() +
         "\n";
}

Result<std::string> schema_of(const Flow& flow, const std::string& event) {
  // What stands under $defs is looked up in its own document: hence $id.
  const auto with_id = [](const std::string& name, JsonTree schema) {
    std::string id = "urn:tidings:event:";
    for (const char c : name) {
      static constexpr char digits[] = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                            c == '.' || c == '_' || c == '/';
      if (is_plain)
        id += c;
      else
        id.append(1, '%').append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
    }
    std::erase_if(schema.members, [](const auto& one) { return one.first == "$id"; });
    schema.members.insert(schema.members.begin(), {"$id", {.kind = JsonTree::Kind::text, .scalar = id}});
    return schema;
  };
  if (event == "all") {
    JsonLine all;
    for (const auto& [name, schema] : flow.schemas) all.raw(name, to_json(with_id(name, schema)));
    return JsonLine().add("$schema", "https://json-schema.org/draft/2020-12/schema").raw("$defs", all.str()).str() +
           "\n";
  }
  if (const auto at = flow.schemas.find(event); at != flow.schemas.end())
    return to_json(with_id(event, at->second)) + "\n";
  const auto* const newest = flow.schema(event);
  if (newest == nullptr) return unknown_event(flow, event);
  const auto name = std::ranges::find_if(flow.schemas, [&](const auto& one) { return &one.second == newest; })->first;
  return to_json(with_id(name, *newest)) + "\n";
}

}  // namespace tidings::cli
