#include "service/handling.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "service/backoff.hpp"
#include "tidings/base/key_hash.hpp"
#include "tidings/base/text.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t fetch_max = 1024;
constexpr Duration fetch_wait = 1s;
constexpr Backoff trouble{.immediate = 0, .delayed = 0, .first = 200ms, .longest = 10s};

/// Which of the topic's kinds takes the event. Of several versions of its type the lowest that is not below its own,
/// since upcasts lead up; the highest says what is wrong with a newer one.
std::optional<std::uint32_t> kind_for(const EnvelopeView& envelope, std::span<const EventKind> kinds,
                                      std::span<const std::uint32_t> of_topic) {
  std::optional<std::uint32_t> best;
  for (const auto one : of_topic) {
    if (kinds[one].type != envelope.type) continue;
    if (!best) {
      best = one;
      continue;
    }
    const auto version = kinds[one].version, so_far = kinds[*best].version;
    const bool takes = version >= envelope.version;
    if (takes != (so_far >= envelope.version) ? takes : (takes ? version < so_far : version > so_far)) best = one;
  }
  return best;
}

}  // namespace

Handling::Handling(Host& host, std::string name, HandlerOptions options, std::unique_ptr<Handler> handler,
                   std::function<void()> wants_flush)
    : host_(host),
      name_(std::move(name)),
      group_(in_namespace(host.name_space, group_of(host.service, name_))),
      options_(options),
      handler_(std::move(handler)),
      wants_flush_(std::move(wants_flush)),
      parking_(host, group_),
      lanes_(options.in_flight_max, handler_->takes_batches() ? options.batch_max : 1) {}

Handling::~Handling() {
  begin_stop();
  for (auto& fetcher : fetchers_)
    if (fetcher.joinable()) fetcher.join();
  for (auto& worker : workers_)
    if (worker->thread.joinable()) worker->thread.join();
}

Result<> Handling::subscribe() {
  const auto kinds = handler_->kinds();
  for (std::uint32_t kind = 0; kind < kinds.size(); ++kind) {
    auto source = std::ranges::find_if(sources_, [&](const auto& known) { return known->topic == kinds[kind].topic; });
    if (source == sources_.end()) {
      source = sources_.insert(source, std::make_unique<Source>());
      (*source)->index = sources_.size() - 1;
      (*source)->topic = kinds[kind].topic;
      (*source)->broker_topic = in_namespace(host_.name_space, kinds[kind].topic);
    }
    (*source)->kinds.push_back(kind);
  }
  for (auto& source : sources_) {
    auto consumer = host_.broker->subscribe(source->broker_topic, {.group = group_,
                                                                   .start = options_.start,
                                                                   .in_flight_max = options_.in_flight_max,
                                                                   .settle_within = options_.settle_within,
                                                                   .create_topic = host_.create_topics});
    if (!consumer) return consumer.error();
    source->consumer = std::move(*consumer);
  }
  return {};
}

void Handling::start() {
  const std::scoped_lock lock(mutex_);
  const auto lanes = handler_->takes_batches() ? 1 : options_.concurrency;
  alive_ = lanes + sources_.size();
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    auto& worker = *workers_.emplace_back(std::make_unique<Worker>());
    worker.thread = std::thread([this, &worker] { work_loop(worker); });
  }
  for (auto& source : sources_) fetchers_.emplace_back([this, at = source.get()] { fetch_loop(*at); });
}

// What is fetched.

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
    if (!fetched->empty()) take_in(source, *fetched);
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
  auto consumer = host_.broker->subscribe(source.broker_topic, {.group = group_,
                                                                .start = options_.start,
                                                                .in_flight_max = options_.in_flight_max,
                                                                .settle_within = options_.settle_within,
                                                                .create_topic = host_.create_topics});
  if (!consumer) return;  // the next fetch says why
  const std::scoped_lock lock(mutex_);
  source.consumer = std::move(*consumer);
}

void Handling::take_in(Source& source, std::span<Delivery> deliveries) {
  const auto kinds = handler_->kinds();
  const bool by_partition = handler_->takes_batches();
  struct Sorted {
    std::uint64_t key;
    std::uint32_t kind;
    bool keyed;
    bool wanted;
  };
  std::vector<Sorted> sorted;
  sorted.reserve(deliveries.size());
  bool any_again = false;
  for (const auto& delivery : deliveries) {
    const auto kind = kind_for(delivery.envelope, kinds, source.kinds);
    auto& sort = sorted.emplace_back(Sorted{0, kind.value_or(0), false, kind.has_value()});
    if (by_partition) {
      sort.key = (source.index << 32U) | delivery.id.partition.value;
      sort.keyed = true;
    } else if (!delivery.envelope.key.empty()) {
      sort.key = key_hash(delivery.envelope.key);
      sort.keyed = true;
    }
    any_again = any_again || delivery.attempt > 1;
  }
  std::vector<bool> repeated;
  std::size_t ignored = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (any_again) drop_repeated(source, deliveries, repeated);
    for (std::size_t at = 0; at < deliveries.size(); ++at) {
      if (!repeated.empty() && repeated[at]) continue;
      source.saw(deliveries[at].id);
      ++source.held;
      if (!sorted[at].wanted) {
        source.handled.push_back(deliveries[at].id);
        ++ignored;
        continue;
      }
      auto& task = lanes_.make();
      task.delivery = std::move(deliveries[at]);
      task.source = &source;
      task.key = sorted[at].key;
      task.keyed = sorted[at].keyed;
      task.kind = sorted[at].kind;
      lanes_.add(task);
    }
    for (auto wake = std::min(std::max<std::size_t>(lanes_.ready(), ignored > 0 ? 1 : 0), idle_); wake > 0; --wake)
      work_.notify_one();
  }
  if (ignored == 0) return;
  stats_.ignored += ignored;
  wants_flush_();
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
    if (task.source == &source) is_ours(task.delivery.id);
  });
  std::ranges::for_each(source.handled, is_ours);
  std::ranges::for_each(source.parked, is_ours);
  std::ranges::for_each(source.settled_lately, is_ours);
}

// What is settled.

bool Handling::anything_to_settle() const {
  for (const auto& source : sources_) {
    if (source->unsettled() == 0) continue;
    if (source->settle_after == SteadyTime{} || source->settle_after <= host_.clock->steady_now()) return true;
  }
  return false;
}

void Handling::flush() {
  std::unique_lock lock(mutex_);
  flush(lock);
}

void Handling::flush(std::unique_lock<std::mutex>& lock) {
  for (auto& source : sources_) {
    if (source->unsettled() == 0) continue;
    if (source->settle_after != SteadyTime{} && source->settle_after > host_.clock->steady_now() && !stopping_)
      continue;
    const auto first = settle(*source, lock, &Source::handled, Outcome::handled);
    const auto second = settle(*source, lock, &Source::parked, Outcome::parked);
    source->settle_after = first && second ? SteadyTime{} : host_.clock->steady_now() + 1s;
    if (source->waiting_for_room) room_.notify_all();
  }
}

/// The error: they are kept, to be settled later.
Result<> Handling::settle(Source& source, std::unique_lock<std::mutex>& lock, std::vector<DeliveryId> Source::* list,
                          Outcome outcome) {
  std::vector<DeliveryId> ids;
  ids.swap(source.*list);
  if (ids.empty()) return {};
  source.remember(ids, options_.in_flight_max);
  const auto consumer = source.consumer;
  lock.unlock();
  const auto settled = consumer->settle(ids, outcome);
  const bool moved =
      !settled && (settled.error().code == "not_owner" || settled.error().retry == Retry::reopen);  // others' now
  if (!settled) {
    host_.say(moved ? LogLevel::info : LogLevel::warning,
              name_ + " could not settle " + std::to_string(ids.size()) + " events: " + to_string(settled.error()));
  }
  lock.lock();
  if (!settled && !moved) {
    (source.*list).insert((source.*list).end(), ids.begin(), ids.end());
    return settled;
  }
  source.held -= std::min(source.held, ids.size());
  return {};
}

void Handling::extend() {
  for (auto& source : sources_) {
    std::vector<DeliveryId> ids;
    std::shared_ptr<Consumer> consumer;
    {
      const std::scoped_lock lock(mutex_);
      lanes_.for_each([&](const Task& task) {
        if (task.source == source.get() && !source->lost(task.delivery.id)) ids.push_back(task.delivery.id);
      });
      ids.insert(ids.end(), source->handled.begin(), source->handled.end());
      ids.insert(ids.end(), source->parked.begin(), source->parked.end());
      consumer = source->consumer;
    }
    if (ids.empty()) continue;
    if (auto extended = consumer->extend(ids); !extended)
      host_.say(LogLevel::debug,
                name_ + " could not keep " + std::to_string(ids.size()) + " events: " + to_string(extended.error()));
  }
}

// How it ends.

void Handling::begin_stop() {
  std::vector<std::shared_ptr<Consumer>> consumers;  // held while they wake: a fetching thread may replace its own
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    work_.notify_all();
    room_.notify_all();
    for (const auto& source : sources_)
      if (source->consumer) consumers.push_back(source->consumer);
  }
  for (const auto& consumer : consumers) consumer->wake();
}

bool Handling::wait_ended(SteadyTime until) {
  {
    std::unique_lock lock(mutex_);
    if (!ended_.wait_until(lock, until, [&] { return alive_ == 0; })) return false;
  }
  for (auto& fetcher : fetchers_) fetcher.join();
  for (auto& worker : workers_) worker->thread.join();
  fetchers_.clear();
  flush();
  for (auto& source : sources_) {
    // What has not been begun goes to other members, or comes again.
    if (auto closed = source->consumer->close(Duration::zero()); !closed)
      host_.say(LogLevel::debug, name_ + ": " + to_string(closed.error()));
  }
  return true;
}

std::vector<std::string> Handling::running() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> texts;
  for (const auto& worker : workers_) {
    if (worker->runs == nullptr) continue;
    const auto& envelope = worker->runs->delivery.envelope;
    texts.push_back(name_ + " still runs event " + printable(envelope.id) + " (key '" + printable(envelope.key) + "')");
  }
  return texts;
}

HandlerStats Handling::stats() const {
  return {.handled = stats_.handled, .failed = stats_.failed, .parked = stats_.parked, .ignored = stats_.ignored};
}

}  // namespace tidings::service
