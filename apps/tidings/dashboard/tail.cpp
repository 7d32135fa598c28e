#include "dashboard/tail.hpp"

#include <algorithm>

#include "dashboard/event_json.hpp"
#include "json_line.hpp"
#include "output.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration message_every = 200ms;
constexpr Duration rest = 20ms;
constexpr std::size_t fetch_max = 5'000;
constexpr std::size_t open_max = 32;  // topics that are read at once; others are opened when they move
constexpr Duration idle_after = 60s;
constexpr std::uint64_t behind_max = 500'000;  // events; a reader that is further behind goes on at the end
constexpr std::size_t kept_messages = 10;

}  // namespace

Tail::Tail(Broker& broker, const Common& common, Collector& collector, TailOptions options, TailSend send, Clock& clock)
    : broker_(broker),
      common_(common),
      collector_(collector),
      options_(std::move(options)),
      send_(std::move(send)),
      clock_(clock) {}

Tail::~Tail() = default;

Result<> Tail::begin() {
  rated_ = clock_.steady_now();
  const auto all = broker_.topics();
  if (!all) return all.error();
  for (const auto& info : *all) {
    auto name = unnamed(common_, info.name);
    if (name.empty() || !options_.filter.means_topic(name)) continue;
    if (info.error) {
      tell_damage(name, to_string(*info.error));
      continue;
    }
    Topic topic{.name = std::move(name), .next = {}, .consumer = {}, .active = rated_};
    for (const auto& one : info.partitions) topic.next[one.partition.value] = one.end.value;
    topics_.push_back(std::move(topic));
  }
  if (topics_.size() <= open_max)
    for (auto& topic : topics_)
      if (auto opened = open(topic); !opened) return opened;
  return {};
}

std::size_t Tail::open_count() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(topics_, [](const Topic& one) { return one.consumer != nullptr; }));
}

Result<> Tail::open(Topic& topic) {
  std::vector<Offset> from;
  for (const auto& [number, next] : topic.next) {
    if (from.size() <= number) from.resize(number + 1);
    from[number] = Offset{next};
  }
  auto consumer = broker_.subscribe(
      named(common_, topic.name),
      {.group = "", .start = Start::each(std::move(from)), .in_flight_max = fetch_max, .create_topic = false});
  if (!consumer && consumer.error().code == "unknown_topic")
    return {};                                            // it has gone; should it come again, it is read anew
  if (!consumer && consumer.error().code == "corrupt") {  // all of it; it is tried again when it moves
    tell_damage(topic.name, to_string(consumer.error()));
    return {};
  }
  if (!consumer) return consumer.error();
  topic.consumer = std::move(*consumer);
  topic.active = clock_.steady_now();
  return {};
}

/// Once, until it is another.
void Tail::tell_damage(const std::string& topic, const std::string& why) {
  if (std::exchange(damage_told_[topic], why) == why) return;
  losses_.emplace_back("damaged", JsonLine().add("topic", topic).add("message", why).str());
}

/// Nothing tells which partition it is: it is one that has more, and of which nothing came between two looks.
void Tail::pass_damage(Topic& topic, const TopicInfo& info) {
  bool any = false;
  for (const auto& one : info.partitions) {
    auto& next = topic.next[one.partition.value];
    const auto before = topic.before.find(one.partition.value);
    if (before == topic.before.end() || before->second != next || one.end.value <= next) continue;
    tell_lost(topic, one.partition, one.end.value);
    any = true;
  }
  topic.before = topic.next;
  if (any) topic.is_damaged = false;
}

void Tail::tell_lost(Topic& topic, Partition partition, std::uint64_t to) {
  auto& next = topic.next[partition.value];
  losses_.emplace_back(
      "lost",
      JsonLine().add("topic", topic.name).add("partition", partition.value).add("from", next).add("to", to - 1).str());
  next = to;
  topic.consumer.reset();  // opened where it is to go on
  topic.is_known_to_move = true;
}

/// Topics that are new, and those that move and are not open, by the collector's last look.
void Tail::look_for_topics() {
  const auto picture = collector_.picture();
  if (picture->number == picture_) return;
  picture_ = picture->number;
  const auto seen = collector_.observation();
  for (const auto& one : seen->damaged)
    if (one.group.empty() && options_.filter.means_topic(one.topic)) tell_damage(one.topic, one.message);
  for (const auto& info : seen->topics) {
    if (!options_.filter.means_topic(info.name)) continue;
    auto at = std::ranges::find(topics_, info.name, &Topic::name);
    if (at == topics_.end()) {
      Topic fresh{.name = info.name, .next = {}, .consumer = {}, .active = clock_.steady_now()};
      for (const auto& one : info.partitions) fresh.next[one.partition.value] = one.earliest.value;
      topics_.push_back(std::move(fresh));
      at = std::prev(topics_.end());
    }
    for (const auto& one : info.partitions) {
      auto& next = at->next.try_emplace(one.partition.value, one.earliest.value).first->second;
      at->is_known_to_move = at->is_known_to_move || one.end.value > next;
      if (one.earliest.value > next)
        tell_lost(*at, one.partition, one.earliest.value);
      else if (one.end.value > next + behind_max)
        tell_lost(*at, one.partition, one.end.value - 1);
    }
    if (at->is_damaged) pass_damage(*at, info);
  }
}

Result<bool> Tail::read(Topic& topic) {
  const auto now = clock_.steady_now();
  if (topic.consumer == nullptr) {
    if (!std::exchange(topic.is_known_to_move, false)) return false;
    if (open_count() >= open_max) {
      const auto idle = std::ranges::min_element(
          topics_, {}, [](const Topic& one) { return one.consumer == nullptr ? SteadyTime::max() : one.active; });
      idle->consumer.reset();
    }
    if (auto opened = open(topic); !opened) return opened.error();
    if (topic.consumer == nullptr) return false;
  }
  auto got = topic.consumer->fetch(fetch_max, 0ms);
  if (!got && got.error().code == "corrupt") {  // of one partition: the others go on
    tell_damage(topic.name, to_string(got.error()));
    collector_.met_damage(topic.name, to_string(got.error()), now);
    if (!std::exchange(topic.is_damaged, true)) topic.before.clear();
    return false;
  }
  if (!got && (got.error().retry == Retry::reopen || got.error().code == "unknown_topic")) {
    topic.consumer.reset();
    return false;
  }
  if (!got && got.error().retry == Retry::same_call) return false;  // away for a while
  if (!got) return got.error();
  if (got->empty()) {
    if (topics_.size() > open_max && now - topic.active > idle_after) topic.consumer.reset();
    return false;
  }
  topic.active = now;
  take(topic, *got);
  return true;
}

void Tail::take(Topic& topic, const std::vector<Delivery>& deliveries) {
  std::vector<const Delivery*> matched;
  for (const auto& one : deliveries) {
    auto& next = topic.next[one.id.partition.value];
    if (one.id.offset.value < next) continue;  // it was shown before the topic was opened anew
    next = one.id.offset.value + 1;
    ++seen_;
    if (options_.filter.means(one)) matched.push_back(&one);
  }
  matched_ += matched.size();
  const auto room = kept_messages * options_.max - std::min(waiting_.size(), kept_messages * options_.max);
  auto count = matched.size();
  if (count > room) {
    is_sampled_ = true;
    count = std::min(room, options_.max);
  }
  for (std::size_t i = 0; i < count; ++i)
    waiting_.push_back(
        event_json(*matched[i * matched.size() / count], topic.name, Wholeness::listed, common_.showing));
}

bool Tail::flush() {
  for (const auto& [event, json] : std::exchange(losses_, {}))
    if (!send_(event, json)) return false;
  const auto now = clock_.steady_now();
  if (const auto passed = std::chrono::duration<double>(now - rated_).count(); passed >= 1) {
    rate_ = static_cast<double>(matched_ - matched_before_) / passed;
    matched_before_ = matched_;
    rated_ = now;
  }
  if (waiting_.empty()) return send_({}, {});
  std::string events;
  std::size_t count = 0;
  // Under a flood what is shown is not what came seconds ago.
  const auto most = is_sampled_ ? std::max(options_.max, waiting_.size() / 2) : options_.max;
  const auto step =
      is_sampled_ && most > options_.max ? static_cast<double>(most) / static_cast<double>(options_.max) : 1.0;
  double next = 0;
  for (std::size_t i = 0; i < most && !waiting_.empty(); ++i, waiting_.pop_front()) {
    if (static_cast<double>(i) < next || count >= options_.max) continue;
    next += step;
    ++count;
    events += (events.empty() ? "" : ",") + waiting_.front();
  }
  shown_ += count;
  const auto sent = tell(events);
  if (waiting_.empty()) is_sampled_ = false;
  return sent;
}

bool Tail::tell(const std::string& events) {
  return send_("events", JsonLine()
                             .raw("events", "[" + events + "]")
                             .add("seen", seen_)
                             .add("matched", matched_)
                             .add("shown", shown_)
                             .flag("sampled", is_sampled_)
                             .real("rate", rate_)
                             .str());
}

void Tail::run() {
  const auto failed_with = [&](const Error& error) {
    (void)send_("failed", JsonLine().add("code", error.code).add("message", error.message).str());
  };
  if (auto begun = begin(); !begun) return failed_with(begun.error());
  if (!tell()) return;  // from here on nothing is missed
  auto message = clock_.steady_now();
  while (true) {
    look_for_topics();
    bool any = false;
    for (std::size_t i = 0; i < topics_.size(); ++i) {
      auto read_some = read(topics_[i]);
      if (!read_some) {
        failed_with(read_some.error());
        return;
      }
      any = any || *read_some;
    }
    const auto now = clock_.steady_now();
    if (now - message >= message_every) {
      message = now;
      if (!flush()) return;
    }
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    if (!any && stopped_.wait_for(lock, rest, [&] { return stopping_; })) return;
  }
}

void Tail::stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  stopped_.notify_all();
}

void Tails::add(std::shared_ptr<Tail> tail) {
  const std::scoped_lock lock(mutex_);
  sweep();
  auto is_over = std::make_shared<std::atomic<bool>>(false);
  auto* const runs = tail.get();
  all_.push_back({.tail = std::move(tail), .is_over = is_over, .thread = std::thread([runs, is_over] {
                                                                 runs->run();
                                                                 *is_over = true;
                                                               })});
}

std::size_t Tails::count() {
  const std::scoped_lock lock(mutex_);
  sweep();
  return all_.size();
}

void Tails::sweep() {
  std::erase_if(all_, [](One& one) {
    if (!*one.is_over) return false;
    one.thread.join();
    return true;
  });
}

void Tails::stop() {
  const std::scoped_lock lock(mutex_);
  for (const auto& one : all_) one.tail->stop();
  for (auto& one : all_) one.thread.join();
  all_.clear();
}

}  // namespace tidings::cli
