#include <algorithm>

#include "dashboard/api.hpp"
#include "json_line.hpp"
#include "tidings/base/text.hpp"

// A group, partition by partition.
namespace tidings::cli {
namespace {

std::string numbers(const std::vector<float>& values) {
  std::string out;
  for (const auto one : values) out += (out.empty() ? "" : ",") + json_real(static_cast<double>(one));
  return "[" + out + "]";
}

}  // namespace

Api::Answer Api::group(const Query& query) {
  const auto group = query.get("group"), topic = query.get("topic");
  const auto seen = in_.collector.observation();
  const auto picture = in_.collector.picture();
  const auto* const info = seen->group(topic, group);
  const auto* const state = picture->group(topic, group);
  if (info == nullptr || state == nullptr)
    return Error{"unknown_group", "there is no group '" + printable(group) + "' on topic '" + printable(topic) + "'"};
  std::vector<std::string> partitions;
  for (const auto& one : info->partitions)
    partitions.push_back(JsonLine()
                             .add("partition", one.partition.value)
                             .add("position", one.position.value)
                             .add("end", one.end.value)
                             .add("earliest", one.earliest.value)
                             .add("lag", one.lag())
                             .add("settled_beyond", one.settled_beyond)
                             .add("handled", one.handled)
                             .add("parked", one.parked)
                             .add("expired", one.expired)
                             .add("skipped", one.skipped)
                             .flag("owned", one.owned)
                             .str());
  std::string times, lags;
  std::string handled = "[]";
  if (const auto history = in_.collector.history(group, topic)) {
    for (const auto time : history->times) times += (times.empty() ? "" : ",") + std::to_string(time);
    for (const auto& lag : history->lag) lags += (lags.empty() ? "" : ",") + numbers(lag);
    handled = numbers(history->handled);
  }
  return JsonLine()
      .add("group", group)
      .add("topic", topic)
      .add("status", name_of(state->judgement.doing))
      .add("reason", state->judgement.reason)
      .flag("paused", !in_.collector.pause_of(group).empty())
      .add("lag", info->lag())
      .add("lost", info->lost())
      .raw("partitions", json_array(partitions))
      .raw("history", JsonLine().raw("t", "[" + times + "]").raw("lag", "[" + lags + "]").raw("handled", handled).str())
      .add("dead_letters", state->open_letters)
      .str();
}

}  // namespace tidings::cli
