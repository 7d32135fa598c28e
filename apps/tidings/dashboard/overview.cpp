#include "dashboard/collector.hpp"
#include "dashboard/event_json.hpp"
#include "json_line.hpp"

// The overview, as the page gets it.
namespace tidings::cli {

std::string overview_json(const Picture& picture, const Collector& collector, std::optional<std::size_t> window,
                          TimePoint now) {
  std::uint32_t step = 0;
  const auto series = window ? collector.series_json(*window, now, step) : std::string();
  std::vector<std::string> damaged, services, topics, groups;
  if (!picture.problem.empty())
    damaged.push_back(JsonLine().add("name", "broker").add("message", picture.problem).str());
  for (const auto& one : picture.damaged)
    damaged.push_back(JsonLine().add("name", one.name()).add("message", one.message).str());
  for (const auto& one : picture.services)
    services.push_back(JsonLine()
                           .add("service", one.service)
                           .add("status", name_of(one.doing))
                           .add("reason", one.reason)
                           .add("since", to_rfc3339(one.since))
                           .add("handlers", one.handlers)
                           .add("lag", one.lag)
                           .real("rate", one.rate)
                           .str());
  for (const auto& one : picture.topics)
    topics.push_back(JsonLine()
                         .add("topic", one.topic)
                         .add("events", one.events)
                         .real("rate", one.rate)
                         .add("partitions", static_cast<std::uint64_t>(one.partitions.size()))
                         .add("durability", to_string(one.durability))
                         .str());
  for (const auto& one : picture.groups)
    groups.push_back(JsonLine()
                         .add("group", one.group)
                         .add("service", service_of(one.group))
                         .add("handler", handler_of(one.group))
                         .add("topic", one.topic)
                         .add("lag", one.lag)
                         .real("rate", one.judgement.handled_rate)
                         .add("parked", one.open_letters)
                         .flag("members", one.has_members)
                         .add("status", name_of(one.judgement.doing))
                         .add("reason", one.judgement.reason)
                         .add("since", to_rfc3339(one.judgement.since))
                         .raw("eta", one.judgement.eta ? json_real(*one.judgement.eta) : "null")
                         .str());
  JsonLine line;
  line.add("now", to_rfc3339(picture.now));
  if (window)
    line.add("window", static_cast<std::uint64_t>(Series::windows[*window].seconds))
        .add("step", static_cast<std::uint64_t>(step))
        .raw("series", series);
  return line
      .raw("rates", JsonLine()
                        .real("published", picture.published)
                        .real("handled", picture.handled)
                        .real("parked", picture.parked)
                        .str())
      .add("lag", picture.lag)
      .add("parked", picture.open_letters)
      .raw("damaged", json_array(damaged))
      .raw("services", json_array(services))
      .raw("topics", json_array(topics))
      .raw("groups", json_array(groups))
      .str();
}

}  // namespace tidings::cli
