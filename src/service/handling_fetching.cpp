// How a handling gets its events: a thread for each of its topics.
#include <algorithm>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "service/backoff.hpp"
#include "service/handling.hpp"
#include "service/tracing.hpp"
#include "service/unfinished.hpp"
#include "tidings/base/key_hash.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t fetch_max = 1024;
constexpr Duration fetch_wait = 1s;
const Backoff trouble{.immediate = 0, .delayed = 0, .first = 200ms, .longest = 10s};

}  // namespace

void Handling::fetch_loop(Source& source) {
  int failures = 0;
  while (!stopping_) {
    const auto room = wait_for_room(source);
    if (room == 0) break;
    auto fetched = source.consumer->fetch(std::min(room, fetch_max), fetch_wait);
    if (stopping_) break;
    if (!fetched) {
      fetch_failed(source, fetched.error(), ++failures);
      continue;
    }
    if (std::exchange(failures, 0) > 0)
      host_.say(LogLevel::info, name_ + " gets events of " + source.broker_topic + " again");
    if (fetched->empty()) continue;
    if (measures_) measures_->delivered.add(fetched->size());
    source.seen_last = std::max(source.seen_last, fetched->back().appended);
    if (take_over(source, *fetched)) take_in(source, *fetched);
  }
  const std::scoped_lock lock(mutex_);
  --alive_;
  ended_.notify_all();
}

/// How many may be fetched; 0 when the service stops. Many at once while the workers have something to do, any number
/// when they have not.
std::size_t Handling::wait_for_room(Source& source) {
  const auto worthwhile = std::clamp<std::size_t>(options_.in_flight_max / 4, 1, 256);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto room = options_.in_flight_max > source.held ? options_.in_flight_max - source.held : 0;
    if (room >= worthwhile || (room > 0 && lanes_.ready() == 0)) return room;
    source.waiting_for_room = true;
    room_.wait_for(lock, fetch_wait);
    source.waiting_for_room = false;
  }
  return 0;
}

void Handling::fetch_failed(Source& source, const Error& why, int failures) {
  const auto pause = endless_pause_after(trouble, failures, *host_.entropy);
  host_.say(LogLevel::warning, name_ + " gets no events of " + source.broker_topic + ": " + to_string(why) +
                                   "; trying again in " + to_text(std::chrono::ceil<std::chrono::milliseconds>(pause)));
  {
    std::unique_lock lock(mutex_);
    room_.wait_for(lock, pause, [&] { return stopping_.load(); });
  }
  if (why.retry != Retry::reopen || stopping_) return;
  auto consumer = join(source);
  if (!consumer)  // the next fetch only says again that the old one is of no use
    return host_.say(LogLevel::warning, name_ + " could not join its group on " + source.broker_topic +
                                            " again: " + to_string(consumer.error()));
  const std::scoped_lock lock(mutex_);
  source.consumer = std::move(*consumer);
}

/// What is parked must be known before anything is handled. False: the service stops before it is.
bool Handling::take_over(Source& source, std::span<const Delivery> deliveries) {
  for (int failures = 1;; ++failures) {
    const auto taken = parking_.take_over(source, deliveries);
    if (taken) return true;
    if (stopping_) return false;
    const auto pause = std::min(endless_pause_after(trouble, failures, *host_.entropy), options_.settle_within / 3);
    host_.say(LogLevel::warning, name_ + " waits with events of " + source.broker_topic +
                                     ", since it cannot read what is parked of them: " + to_string(taken.error()) +
                                     "; trying again in " +
                                     to_text(std::chrono::ceil<std::chrono::milliseconds>(pause)));
    {
      std::unique_lock lock(mutex_);
      room_.wait_for(lock, pause, [&] { return stopping_.load(); });
    }
    std::vector<DeliveryId> ids;
    for (const auto& delivery : deliveries) ids.push_back(delivery.id);
    (void)source.consumer->extend(ids);
  }
}

void Handling::take_in(Source& source, std::span<Delivery> deliveries) {
  const auto kinds = handler_->kinds();
  struct Sorted {
    std::uint64_t key;
    std::uint32_t kind;
    bool keyed;
    bool wanted;
  };
  std::vector<Sorted> sorted;
  sorted.reserve(deliveries.size());
  const auto arrived =
      handler_->takes_batches() && options_.batch_wait > Duration::zero() ? host_.clock->steady_now() : SteadyTime{};
  const bool parks_unknown = options_.unknown_types == UnknownType::park;
  const auto came = host_.tracing != nullptr ? host_.tracing->now() : TimePoint{};
  bool any_again = false;
  for (const auto& delivery : deliveries) {
    const auto kind = source.kind_of(kinds, delivery.envelope);
    auto& sort = sorted.emplace_back(Sorted{0, kind.value_or(0), false, kind.has_value()});
    std::tie(sort.key, sort.keyed) = lane_of(source, delivery);
    any_again = any_again || delivery.attempt > 1;
  }
  if (any_again)
    if (const auto unfinished = unfinished_text(source.topic, deliveries); !unfinished.empty())
      host_.say(LogLevel::warning, name_ + ": " + unfinished);
  std::vector<bool> repeated;
  std::size_t ignored = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (any_again) drop_repeated(source, deliveries, repeated);
    for (std::size_t at = 0; at < deliveries.size(); ++at) {
      if (!repeated.empty() && repeated[at]) continue;
      source.saw(deliveries[at].id);
      ++source.held;
      if (!sorted[at].wanted && !parks_unknown) {
        source.handled.push_back(deliveries[at].id);
        ++ignored;
        continue;
      }
      auto& task = lanes_.make();
      task.delivery = std::move(deliveries[at]);
      task.source = &source;
      task.arrived = arrived;
      if (host_.tracing != nullptr)
        task.trace = std::make_unique<Task::Trace>(
            Task::Trace{.self = host_.tracing->tracer().begin(
                            parse_trace_parent(task.delivery.envelope.trace_parent).value_or(TraceParent{})),
                        .came = came});
      if (!task.delivery.envelope.headers.empty()) task.expires = expiry(task.delivery.envelope);
      task.key = sorted[at].key;
      task.keyed = sorted[at].keyed;
      task.kind = sorted[at].kind;
      task.alone = task.delivery.lost > 0;  // what a process died with comes by itself
      if (!sorted[at].wanted)
        Turns::park_later(
            task, {"unknown_type", "the handler takes no events of type " + std::string(task.delivery.envelope.type)});
      lanes_.add(task);
    }
    ignored_ += ignored;  // before anybody can settle them
    if (source.held >= options_.in_flight_max) lanes_.stop_gathering();
    for (auto wake = std::min(std::max<std::size_t>(lanes_.ready(), ignored > 0 ? 1 : 0), idle_); wake > 0; --wake)
      work_.notify_one();
  }
  if (ignored == 0) return;
  wants_flush_();
  for (std::size_t at = 0; at < deliveries.size(); ++at)
    if (!sorted[at].wanted) tell_ignored(source, deliveries[at].envelope.type);
}

/// The lane that an event belongs to, and whether it has any.
std::pair<std::uint64_t, bool> Handling::lane_of(const Source& source, const Delivery& delivery) const {
  if (handler_->takes_batches()) return {(source.index << 32U) | delivery.id.partition.value, true};
  if (delivery.envelope.key.empty()) return {0, false};
  return {key_hash(delivery.envelope.key), true};
}

void Handling::tell_ignored(Source& source, std::string_view type) {
  if (source.ignored_type == type) return;
  source.ignored_type = type;
  host_.unknown_types.ignored(source.topic, type, *host_.log, host_.service);
}

/// Events that are in our hands, or just settled, and that the broker gave again since it thought us dead: they go on
/// where they are. To begin them again would hand them over out of their order.
void Handling::drop_repeated(const Source& source, std::span<Delivery> deliveries, std::vector<bool>& repeated) const {
  repeated.resize(deliveries.size());
  const auto is_ours = [&](const DeliveryId& id) {
    for (std::size_t at = 0; at < deliveries.size(); ++at)
      if (deliveries[at].attempt > 1 && deliveries[at].id == id) repeated[at] = true;
  };
  lanes_.for_each([&](const Task& task) {
    if (task.source == &source && !task.again) is_ours(task.delivery.id);
  });
  std::ranges::for_each(source.handled, is_ours);
  std::ranges::for_each(source.parked, is_ours);
  std::ranges::for_each(source.expired, is_ours);
  std::ranges::for_each(source.settled_lately, is_ours);
}

}  // namespace tidings::service
