#include "dashboard/letters.hpp"

#include <algorithm>
#include <set>

#include "dashboard/event_json.hpp"
#include "json_line.hpp"
#include "output.hpp"

namespace tidings::cli {

Result<LetterBoard::Group> read_letters(Broker& broker, const Common& common, const std::string& group) {
  auto letters = DeadLetters::read(broker, named(common, group));
  if (!letters) return letters.error();
  LetterBoard::Group out;
  out.group = group;
  for (const auto& one : letters->counts()) {
    out.open += one.open();
    out.blocked_keys += one.blocked_keys;
  }
  auto listed = letters->for_each({}, [&](const DeadLetter& one) {
    if (out.letters.size() == LetterBoard::letters_max) {
      out.has_all = false;
      return false;
    }
    const auto& event = one.delivery.envelope;
    out.letters.push_back({.topic = unnamed(common, one.topic),
                           .key = std::string(event.key),
                           .id = std::string(event.id),
                           .code = std::string(one.code),
                           .reason = std::string(one.reason),
                           .partition = one.partition.value,
                           .offset = one.offset.value,
                           .attempts = one.attempts,
                           .parked = one.parked,
                           .blocks = one.blocks,
                           .follows = one.follows ? std::optional(one.follows->value) : std::nullopt});
    return true;
  });
  if (!listed) return listed.error();
  return out;
}

void LetterBoard::look(Broker& broker, const Common& common, const Observation& seen, SteadyTime until, Clock& clock) {
  std::set<std::string, std::less<>> there;
  for (const auto& topic : seen.topics) {
    if (!is_of_dead_letters(topic.name)) continue;
    const auto group = topic.name.substr(0, topic.name.size() - dead_letters_of("").size());
    there.insert(group);
    const auto begun = clock.steady_now();
    if (begun >= until) return;
    const auto end = sum_of_ends(topic);
    {
      const std::scoped_lock lock(mutex_);
      const auto at = groups_.find(group);
      if (at != groups_.end() && (at->second.group->read_to == end || begun < at->second.again)) continue;
    }
    auto read = read_letters(broker, common, group);
    if (!read) continue;  // it is told with the next that can be read
    read->read_to = end;
    const auto now = clock.steady_now();
    const std::scoped_lock lock(mutex_);
    groups_[group] = {.group = std::make_shared<const Group>(std::move(*read)), .again = now + 10 * (now - begun)};
  }
  const std::scoped_lock lock(mutex_);
  std::erase_if(groups_, [&](const auto& one) { return !there.contains(one.first); });
}

std::vector<std::shared_ptr<const LetterBoard::Group>> LetterBoard::groups() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<const Group>> out;
  for (const auto& [name, entry] : groups_) out.push_back(entry.group);
  return out;
}

std::shared_ptr<const LetterBoard::Group> LetterBoard::group(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto at = groups_.find(name);
  return at == groups_.end() ? nullptr : at->second.group;
}

std::map<std::string, std::uint64_t, std::less<>> LetterBoard::open_counts() const {
  const std::scoped_lock lock(mutex_);
  std::map<std::string, std::uint64_t, std::less<>> out;
  for (const auto& [name, entry] : groups_) out[name] = entry.group->open;
  return out;
}

std::string letters_json(const LetterBoard& board) {
  struct Reason {
    std::string reason;
    std::uint64_t count = 0;
    std::set<std::pair<std::string, std::string>> keys;
    TimePoint first = TimePoint::max(), last = TimePoint::min();
  };
  std::vector<std::string> groups;
  for (const auto& group : board.groups()) {
    std::map<std::string, Reason> by_code;
    for (const auto& one : group->letters) {
      auto& reason = by_code[one.code];
      ++reason.count;
      if (reason.reason.empty()) reason.reason = one.reason;
      reason.keys.emplace(one.topic, one.key.empty()
                                         ? "\n" + std::to_string(one.partition) + "/" + std::to_string(one.offset)
                                         : one.key);
      reason.first = std::min(reason.first, one.parked);
      reason.last = std::max(reason.last, one.parked);
    }
    std::vector<std::string> reasons;
    for (const auto& [code, one] : by_code)
      reasons.push_back(JsonLine()
                            .add("code", code)
                            .add("reason", one.reason)
                            .add("count", one.count)
                            .add("keys", static_cast<std::uint64_t>(one.keys.size()))
                            .add("first", to_rfc3339(one.first))
                            .add("last", to_rfc3339(one.last))
                            .str());
    groups.push_back(JsonLine()
                         .add("group", group->group)
                         .add("open", group->open)
                         .add("blocked_keys", group->blocked_keys)
                         .raw("reasons", json_array(reasons))
                         .flag("complete", group->has_all)
                         .str());
  }
  return JsonLine().raw("groups", json_array(groups)).str();
}

}  // namespace tidings::cli
