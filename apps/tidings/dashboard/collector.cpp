#include "dashboard/collector.hpp"

#include <algorithm>
#include <cmath>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration rate_over = 5s;
constexpr std::int64_t history_step = 5;
constexpr Duration damage_told_for = std::chrono::minutes{10};

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

std::int64_t unix_seconds(TimePoint time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

/// Whether a request to pause `target` means that group.
bool means(std::string_view target, std::string_view group) {
  const auto slash = target.find('/');
  if (slash != target.npos)
    return group.size() == target.size() && group.substr(0, slash) == target.substr(0, slash) &&
           group.substr(slash + 1) == target.substr(slash + 1) && group[slash] == '.';
  return group == target || service_of(group) == target;
}

std::vector<ServiceState> services_of(const std::vector<GroupState>& groups) {
  std::map<std::string, ServiceState> by_name;
  for (const auto& one : groups) {
    auto& service = by_name[service_of(one.group)];
    const auto& judgement = one.judgement;
    if (service.handlers == 0 || judgement.doing > service.doing) {
      service.doing = judgement.doing;
      service.since = judgement.since;
      const auto handler = handler_of(one.group);
      service.reason = judgement.reason.empty()
                           ? ""
                           : (handler.empty() ? one.group : handler) + " on " + one.topic + ": " + judgement.reason;
    }
    ++service.handlers;
    service.lag += one.lag;
    service.rate += judgement.handled_rate;
  }
  std::vector<ServiceState> out;
  for (auto& [name, service] : by_name) {
    service.service = name;
    out.push_back(std::move(service));
  }
  return out;
}

}  // namespace

const TopicState* Picture::topic(std::string_view name) const {
  const auto at = std::ranges::find(topics, name, &TopicState::topic);
  return at == topics.end() ? nullptr : &*at;
}

const GroupState* Picture::group(std::string_view topic, std::string_view name) const {
  const auto at =
      std::ranges::find_if(groups, [&](const GroupState& one) { return one.topic == topic && one.group == name; });
  return at == groups.end() ? nullptr : &*at;
}

double Collector::topic_rate(const TopicInfo& topic, SteadyTime at) {
  auto& track = topic_tracks_[topic.name];
  track.seen_at = number_;
  const auto sum = sum_of_ends(topic);
  if (!track.looks.empty() && sum < track.looks.back().second) track.looks.clear();  // it was made anew
  track.looks.emplace_back(at, sum);
  while (track.looks.size() > 2 && track.looks[1].first + rate_over <= at) track.looks.erase(track.looks.begin());
  const auto& [from, before] = track.looks.front();
  const auto passed = seconds(at - from);
  return passed > 0 ? static_cast<double>(sum - before) / passed : 0;
}

void Collector::take(Observation seen) {
  auto picture = std::make_shared<Picture>();
  const std::scoped_lock lock(mutex_);
  picture->number = ++number_;
  picture->now = seen.now;
  picture->damaged = seen.damaged;
  std::erase_if(met_, [&](const auto& one) {
    return seen.at - one.second.at > damage_told_for || seen.topic(one.first) == nullptr;
  });
  for (const auto& [topic, met] : met_)
    picture->damaged.push_back({.topic = topic, .group = {}, .message = met.message});
  for (const auto& topic : seen.topics) {
    if (is_own_topic(topic.name) || is_of_dead_letters(topic.name)) continue;
    const auto rate = topic_rate(topic, seen.at);
    picture->published += rate;
    picture->topics.push_back({.topic = topic.name,
                               .events = events_kept(topic),
                               .rate = rate,
                               .partitions = topic.partitions,
                               .durability = topic.durability});
  }
  for (const auto& group : seen.groups) {
    auto& track = tracks_[{group.topic, group.group}];
    track.seen_at = number_;
    GroupState state{.group = group.group, .topic = group.topic, .lag = group.lag(), .judgement = {}};
    state.has_members = std::ranges::any_of(group.partitions, &GroupPartitionInfo::owned);
    state.judgement = track.health.look(group, seen.at, seen.now, pause_of_unlocked(group.group));
    keep(track, group, state.judgement, seen.now);
    picture->handled += state.judgement.handled_rate;
    picture->parked += state.judgement.parked_rate;
    picture->lag += state.lag;
    if (const auto letters = open_letters_.find(group.group); letters != open_letters_.end())
      state.open_letters = letters->second;
    picture->groups.push_back(std::move(state));
  }
  for (const auto& [group, count] : open_letters_) picture->open_letters += count;
  picture->services = services_of(picture->groups);
  std::erase_if(tracks_, [&](const auto& one) {
    if (one.second.seen_at == number_) return false;
    history_partitions_ -= one.second.lag.size();
    return true;
  });
  std::erase_if(topic_tracks_, [&](const auto& one) { return one.second.seen_at != number_; });
  series_.put(seen.now, {.published = static_cast<float>(picture->published),
                         .handled = static_cast<float>(picture->handled),
                         .parked = static_cast<float>(picture->parked),
                         .lag = static_cast<float>(picture->lag)});
  observation_ = std::make_shared<const Observation>(std::move(seen));
  picture_ = std::move(picture);
}

void Collector::take_problem(const Error& error, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  auto picture = std::make_shared<Picture>(*picture_);
  picture->number = ++number_;
  picture->now = now;
  picture->problem = to_string(error);
  picture_ = std::move(picture);
}

void Collector::keep(Track& track, const GroupInfo& group, const Judgement& judgement, TimePoint now) {
  const auto time = unix_seconds(now) / history_step * history_step;
  while (track.lag.size() < group.partitions.size() && history_partitions_ < history_partitions_max) {
    track.lag.emplace_back(history_points, std::nanf(""));
    ++history_partitions_;
  }
  if (track.lag.empty()) return;
  if (track.times.empty()) {
    track.times.assign(history_points, 0);
    track.handled.assign(history_points, std::nanf(""));
  }
  const auto last = (track.next + history_points - 1) % history_points;
  const auto at = track.times[last] == time ? last : std::exchange(track.next, (track.next + 1) % history_points);
  track.times[at] = time;
  track.handled[at] = static_cast<float>(judgement.handled_rate);
  for (std::size_t i = 0; i < track.lag.size(); ++i)
    track.lag[i][at] = i < group.partitions.size() ? static_cast<float>(group.partitions[i].lag()) : std::nanf("");
}

void Collector::set_open_letters(std::map<std::string, std::uint64_t, std::less<>> by_group) {
  const std::scoped_lock lock(mutex_);
  open_letters_ = std::move(by_group);
}

void Collector::met_damage(const std::string& topic, const std::string& why, SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  met_[topic] = {.message = why, .at = now};
}

void Collector::set_paused(std::vector<PauseState> paused) {
  const std::scoped_lock lock(mutex_);
  paused_ = std::move(paused);
}

std::string Collector::pause_of_unlocked(std::string_view group) const {
  std::string why;
  for (const auto& one : paused_)  // in the order of asking: the last that means it counts
    if (means(one.target, group))
      why = one.paused ? "paused by request since " + to_rfc3339(std::chrono::floor<std::chrono::seconds>(one.since))
                       : "";
  return why;
}

std::string Collector::pause_of(std::string_view group) const {
  const std::scoped_lock lock(mutex_);
  return pause_of_unlocked(group);
}

std::shared_ptr<const Picture> Collector::picture() const {
  const std::scoped_lock lock(mutex_);
  return picture_;
}

std::shared_ptr<const Observation> Collector::observation() const {
  const std::scoped_lock lock(mutex_);
  return observation_;
}

std::string Collector::series_json(std::size_t window, TimePoint now, std::uint32_t& step) const {
  const std::scoped_lock lock(mutex_);
  return series_.json(window, now, step);
}

std::optional<GroupHistory> Collector::history(std::string_view group, std::string_view topic) const {
  const std::scoped_lock lock(mutex_);
  const auto found = tracks_.find(std::pair(std::string(topic), std::string(group)));
  if (found == tracks_.end()) return std::nullopt;
  const auto& track = found->second;
  GroupHistory out;
  out.lag.resize(track.lag.size());
  for (std::size_t i = 0; i < track.times.size(); ++i) {
    const auto at = (track.next + i) % history_points;
    if (track.times[at] == 0) continue;
    out.times.push_back(track.times[at]);
    out.handled.push_back(track.handled[at]);
    for (std::size_t j = 0; j < track.lag.size(); ++j) out.lag[j].push_back(track.lag[j][at]);
  }
  return out;
}

}  // namespace tidings::cli
