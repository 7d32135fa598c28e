#include "outbox/sender.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>

#include "tidings/base/steady.hpp"

namespace tidings::outbox {

namespace {

/// Each has a thread.
constexpr std::size_t publishers_max = 16;

}  // namespace

bool is_of_event(const Error& error) {
  static constexpr std::array<std::string_view, 7> codes{
      "invalid_event", "too_large", "invalid_name", "unknown_topic", "exists", "unsupported", "invalid_options"};
  return error.retry == Retry::never && std::ranges::find(codes, error.code) != codes.end();
}

/// Of what one thread publishes and another acknowledges; who waits may be gone by then.
struct Sender::Answers {
  explicit Answers(std::size_t size) : of(size) {}
  std::mutex mutex;
  std::vector<std::optional<Answer>> of;
};

Sender::Sent Sender::send(std::map<std::uint32_t, Part>& parts, std::uint64_t identity, SteadyTime until) {
  sent_ = {};
  stopped_.clear();
  identity_ = identity;
  while (true) {
    auto runs = collect(parts);
    if (runs.empty() || steady_now() >= until) break;
    const auto began = std::chrono::steady_clock::now();
    const auto answers = publish(runs, until);
    if (options_.on_sent) tell(runs, answers, std::chrono::steady_clock::now() - began);
    for (std::size_t at = 0; at < runs.size(); ++at) take(runs[at], answers[at], parts, until);
  }
  return std::move(sent_);
}

/// The first of each part and topic alone: where a later one is there and an earlier is not, the earlier would be taken
/// as there already.
std::vector<Sender::Run> Sender::collect(std::map<std::uint32_t, Part>& parts) const {
  std::vector<Run> runs;
  for (auto& [number, part] : parts) {
    if (std::ranges::find(sent_.fenced, number) != sent_.fenced.end()) continue;
    std::set<std::string_view> begun;
    for (auto flying = part.flight.begin(); flying != part.flight.end();) {
      const auto& topic = flying->event.topic;
      const auto first = flying;
      const auto goes_on = [&] {
        return flying != part.flight.end() && flying->fate == Fate::open && flying->event.topic == topic &&
               (flying == first || flying->sequence == std::prev(flying)->sequence + 1);
      };
      Run run{.part = number, .epoch = part.epoch, .topic = topic, .events = {}};
      for (; goes_on(); ++flying) run.events.push_back(&*flying);
      if (flying == first) ++flying;
      if (!run.events.empty() && !stopped_.contains({number, topic}) && begun.insert(topic).second)
        runs.push_back(std::move(run));
    }
  }
  return runs;
}

std::string Sender::name_of(const std::string& topic) const {
  return options_.name_space.empty() ? topic : options_.name_space + "." + topic;
}

PublishOptions Sender::options_of(const Run& run, SteadyTime until) const {
  PublishOptions options;
  options.wait_max = std::clamp<Duration>(until - steady_now(), Duration::zero(), options_.lease / 3);
  if (broker_.capabilities().producers)
    options.producer = Producer{.id = identity_ * part_count + run.part,
                                .epoch = static_cast<std::uint32_t>(run.epoch),
                                .sequence = run.events.front()->sequence};
  return options;
}

void Sender::tell(const std::vector<Run>& runs, const std::vector<Answer>& answers, Duration took) const {
  std::vector<EnvelopeView> views;
  for (std::size_t at = 0; at < runs.size(); ++at) {
    if (!answers[at]) continue;
    views.clear();
    for (const auto* const flying : runs[at].events) views.push_back(flying->event.view());
    options_.on_sent(runs[at].topic, views, took);
  }
}

Sender::Answer Sender::publish_one(const Run& run, SteadyTime until) {
  std::vector<EnvelopeView> views;
  for (const auto* const flying : run.events) views.push_back(flying->event.view());
  return broker_.publish(name_of(run.topic), views, options_of(run, until));
}

/// Those of a topic are on their way together, so that they are synced, or sent, together.
std::vector<Sender::Answer> Sender::publish(const std::vector<Run>& runs, SteadyTime until) {
  const auto answers = std::make_shared<Answers>(runs.size());
  std::map<std::string_view, std::size_t> of_topic;
  for (const auto& run : runs) ++of_topic[run.topic];
  std::set<Publisher*> used;
  for (std::size_t at = 0; at < runs.size(); ++at) {
    const auto& run = runs[at];
    if (steady_now() >= until) {
      const std::scoped_lock lock(answers->mutex);
      answers->of[at] = Error{"timeout", "the lease ended before this was sent", Retry::same_call};
      continue;
    }
    auto known = publishers_.find(run.topic);
    if (of_topic[run.topic] > 1 && known == publishers_.end() && publishers_.size() < publishers_max)
      if (auto made = broker_.publisher(name_of(run.topic), {.window = options_.batch_max, .log = options_.log}); made)
        known = publishers_.emplace(run.topic, std::move(*made)).first;
    if (of_topic[run.topic] == 1 || known == publishers_.end()) {
      auto answer = publish_one(run, until);
      const std::scoped_lock lock(answers->mutex);
      answers->of[at] = std::move(answer);
      continue;
    }
    std::vector<EnvelopeView> views;
    for (const auto* const flying : run.events) views.push_back(flying->event.view());
    auto accepted = known->second->publish(
        views,
        [answers, at](Answer answer) {
          const std::scoped_lock lock(answers->mutex);
          answers->of[at] = std::move(answer);
        },
        options_of(run, until));
    used.insert(known->second.get());
    if (accepted) continue;
    const std::scoped_lock lock(answers->mutex);
    answers->of[at] = accepted.error();
  }
  for (auto* const publisher : used) (void)publisher->flush(std::max<Duration>(until - steady_now(), Duration::zero()));
  std::vector<Answer> all;
  const std::scoped_lock lock(answers->mutex);
  for (auto& answer : answers->of)
    all.push_back(answer ? *answer
                         : Error{"outcome_unknown", "the broker did not answer in time; what was sent is sent again",
                                 Retry::same_call});
  return all;
}

void Sender::take(Run& run, const Answer& answer, std::map<std::uint32_t, Part>& parts, SteadyTime until) {
  if (answer) {
    for (auto* const flying : run.events) flying->fate = Fate::sent;
    sent_.sent += run.events.size();
    sent_.duplicates += static_cast<std::uint64_t>(std::ranges::count(*answer, true, &Published::is_duplicate));
    return;
  }
  const auto& why = answer.error();
  if (!is_of_event(why)) return stop(run, why);
  if (run.events.size() > 1) return one_by_one(run, parts, until);
  fail(*run.events.front(), why, parts.at(run.part).flight);
}

/// Nothing of the run is there, since one of its events is wrong; which one, is found so.
void Sender::one_by_one(const Run& run, std::map<std::uint32_t, Part>& parts, SteadyTime until) {
  for (auto* const flying : run.events) {
    if (flying->fate != Fate::open) continue;
    if (steady_now() >= until) return;
    Run one{.part = run.part, .epoch = run.epoch, .topic = run.topic, .events = {flying}};
    const auto answer = publish_one(one, until);
    take(one, answer, parts, until);
    if (flying->fate == Fate::open) return;
  }
}

void Sender::fail(Flying& flying, const Error& why, Flight& flight) {
  flying.fate = Fate::failed;
  flying.error = why;
  ++sent_.failed;
  bool is_behind = false;
  for (auto& other : flight) {
    if (&other == &flying) is_behind = true;
    if (is_behind && other.fate == Fate::open && other.event.is_of_one_key_with(flying.event))
      other.fate = Fate::behind;
  }
}

void Sender::stop(const Run& run, const Error& why) {
  if (why.code == "fenced")
    sent_.fenced.push_back(run.part);
  else if (!sent_.trouble)
    sent_.trouble = why;
  stopped_.emplace(run.part, run.topic);
  if (why.retry == Retry::reopen) publishers_.erase(run.topic);
}

}  // namespace tidings::outbox
