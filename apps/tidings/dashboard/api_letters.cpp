#include <algorithm>

#include "dashboard/answers.hpp"
#include "dashboard/api.hpp"
#include "dashboard/event_json.hpp"
#include "json_line.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"

// Dead letters, and how far what was asked of them is.
namespace tidings::cli {

Api::Answer Api::letters(const Query& /*query*/) {
  return letters_json(in_.letters);
}

Api::Answer Api::letter_list(const Query& query) {
  const auto group = query.get("group");
  if (auto valid = validate_name("group", named(in_.common, group)); !valid) return valid.error();
  const auto limit = whole_number("limit", query.get("limit"), 100);
  if (!limit) return limit.error();
  const auto most = std::clamp<std::size_t>(*limit, 1, rows_max);
  auto read = DeadLetters::read(in_.broker, named(in_.common, group));
  if (!read && read.error().code == "unknown_topic") return std::string(R"({"letters":[],"more":false})");
  if (!read) return read.error();
  DeadLetterRequest meant;
  if (const auto code = query.get("code"); !code.empty()) meant.filter.code = code;
  if (const auto key = query.get("key"); !key.empty()) meant.filter.key = key;
  struct Row {
    std::string json;
    std::tuple<std::string, std::uint32_t, std::uint64_t> place;
  };
  std::vector<Row> rows;
  std::map<std::tuple<std::string, std::uint32_t, std::uint64_t>, std::uint64_t> behind;
  bool has_more = false;
  auto listed = read->for_each(meant, [&](const DeadLetter& letter) {
    const auto topic = unnamed(in_.common, letter.topic);
    if (letter.follows) ++behind[{topic, letter.partition.value, letter.follows->value}];
    if (rows.size() == most) {
      has_more = true;
      return true;  // what stands behind those that are shown is still counted
    }
    auto at = letter.delivery;
    at.id.partition = letter.partition;
    at.id.offset = letter.offset;
    auto json = event_json(at, topic, Wholeness::listed, in_.common.showing);
    json.pop_back();
    rows.push_back({.json = json + "," +
                            JsonLine()
                                .add("code", letter.code)
                                .add("reason", letter.reason)
                                .add("attempts", static_cast<std::uint64_t>(std::max(letter.attempts, 0)))
                                .add("parked", to_rfc3339(letter.parked))
                                .flag("follows", letter.follows.has_value())
                                .str()
                                .substr(1),
                    .place = {topic, letter.partition.value, letter.offset.value}});
    return true;
  });
  if (!listed) return listed.error();
  std::vector<std::string> out;
  for (auto& row : rows) {
    row.json.pop_back();
    const auto at = behind.find(row.place);
    out.push_back(row.json + ",\"blocks\":" + std::to_string(at == behind.end() ? 0 : at->second) + "}");
  }
  return JsonLine().raw("letters", json_array(out)).flag("more", has_more).str();
}

Api::Answer Api::letter_progress(const Query& query) {
  const auto id = query.get("request");
  const std::scoped_lock lock(requests_mutex_);
  const auto found = requests_.find(id);
  if (found == requests_.end())
    return Error{"unknown_request", "this dashboard has not asked for that, or some time ago; look at what is parked"};
  const auto progress = found->second->progress();
  if (!progress) return progress.error();
  std::vector<std::string> given_up;
  for (const auto& why : progress->given_up) given_up.push_back(json_text(why));
  return JsonLine()
      .add("partitions", static_cast<std::uint64_t>(progress->partitions))
      .add("begun", static_cast<std::uint64_t>(progress->begun))
      .add("done", static_cast<std::uint64_t>(progress->done))
      .add("redriven", progress->redriven)
      .add("dropped", progress->dropped)
      .add("failed", progress->failed)
      .raw("given_up", json_array(given_up))
      .str();
}

}  // namespace tidings::cli
