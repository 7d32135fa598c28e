#include "service/handling.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "service/backoff.hpp"
#include "service/registrations.hpp"
#include "service/shown.hpp"
#include "service/unfinished.hpp"
#include "tidings/base/key_hash.hpp"
#include "tidings/base/text.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t fetch_max = 1024;
constexpr Duration fetch_wait = 1s;
const Backoff trouble{.immediate = 0, .delayed = 0, .first = 200ms, .longest = 10s};
constexpr std::size_t settle_at_once_max = 128;  // so many wait for one another while workers are busy
constexpr Duration idle_wait = 30s;
constexpr Duration manual_clock_wait = 2ms;  // a clock that is set by hand tells nobody that it moved

/// A process that shares nothing and remembers nothing has no keys that wait for what is driven again.
HandlerOptions as_instance(const Host& host, HandlerOptions options) {
  if (remembers_nothing(host, options)) options.after_parked = AfterParked::go_on;
  return options;
}

/// As `turn.first`, those of `tasks` that are left.
template <class Keep>
void relink(Lanes::Turn& turn, Keep keep) {
  Task** link = &turn.first;
  while (*link != nullptr) {
    auto* task = *link;
    auto* next = task->next;
    if (keep(*task))
      link = &task->next;
    else
      *link = next;
  }
}

}  // namespace

Handling::Handling(Host& host, std::string name, HandlerOptions options, std::unique_ptr<detail::Handler> handler,
                   std::function<void()> wants_flush)
    : host_(host),
      name_(std::move(name)),
      group_(group_name(host, name_, options)),
      options_(as_instance(host, options)),
      handler_(std::move(handler)),
      wants_flush_(std::move(wants_flush)),
      parking_(host, name_, group_, options_, *this),
      effects_(handler_->takes_transaction() ? std::make_unique<Effects>(host, group_) : nullptr),
      turns_(host, name_, parking_, options_, *handler_, effects_.get(), stopping_),
      lanes_(options.in_flight_max, handler_->takes_batches() ? options.batch_max : 1,
             handler_->takes_batches() ? options.batch_wait : Duration::zero()),
      gate_(options.rate, options.breaker),
      settling_(host, name_, options.in_flight_max, stopping_, ended_) {}

Handling::~Handling() {
  begin_stop();
  for (auto& fetcher : fetchers_)
    if (fetcher.joinable()) fetcher.join();
  for (auto& worker : workers_)
    if (worker->thread.joinable()) worker->thread.join();
  (void)parking_.wait_ended(std::chrono::steady_clock::now() + 1h);
}

Result<> Handling::subscribe() {
  is_remembered_ = host_.broker->capabilities().attempts_survive_crash;
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
    // A database that is away is waited for once there is something to do.
    if (effects_)
      if (auto fine = effects_->prepare(source->topic); !fine && fine.error().retry == Retry::never) return fine;
    auto consumer = join(*source);
    if (!consumer) return consumer.error();
    source->consumer = std::move(*consumer);
  }
  return {};
}

bool Handling::is_reader() const {
  return remembers_nothing(host_, options_);
}

Result<std::unique_ptr<Consumer>> Handling::join(const Source& source) {
  // One that joins again goes on with what came since the last that it saw, which may come once more.
  const auto reads_from = source.seen_last == TimePoint{} ? Start::latest() : Start::time(source.seen_last);
  return host_.broker->subscribe(source.broker_topic, {.group = is_reader() ? "" : group_,
                                                       .start = is_reader() ? reads_from : options_.start,
                                                       .in_flight_max = options_.in_flight_max,
                                                       .settle_within = options_.settle_within,
                                                       .create_topic = host_.create_topics});
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
  if (paused_by_request_)
    host_.say(LogLevel::warning,
              name_ + " starts paused by " + paused_why_ + ": it begins nothing before `tidings resume`");
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
    if (fetched->empty()) continue;
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

// What is done with it.

void Handling::work_loop(Worker& worker) {
  // What kept the events of the last turn. It goes without the lock, which may take long, but not while `runs` still
  // names one of them.
  std::vector<std::shared_ptr<const void>> spent;
  const auto batch_max = std::max<std::size_t>(options_.batch_max, 1);
  const bool gathers = handler_->takes_batches() && options_.batch_wait > Duration::zero();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const bool plain = gate_.is_plain();
    const auto now = !plain || gathers || lanes_.next_due() ? host_.clock->steady_now() : SteadyTime{};
    if (lanes_.next_due()) lanes_.wake(now);
    const auto opening =
        plain ? Gate::Opening{.events = batch_max, .next = {}} : gate_.opening(now, lanes_.next_size(now));
    if (auto turn = opening.events == 0 ? std::nullopt : lanes_.take(opening.events, now)) {
      const bool is_probe = !plain && gate_.is_broken();
      if (!plain) gate_.began(turn->size, now);
      for (auto* task = turn->first; task != nullptr; task = task->next)
        task->dropped = task->source->lost(task->delivery.id);
      if (lanes_.ready() == 0) {
        for (const auto& each : sources_)
          if (each->waiting_for_room) room_.notify_all();
      }
      worker.runs = turn->first;
      const auto& source = *turn->first->source;  // all of a turn are of one
      if (is_remembered_ && worker.consumer != source.consumer) worker.consumer = source.consumer;
      lock.unlock();
      spent.clear();
      const auto report = turns_.run(*turn, worker.consumer.get(), is_probe);
      lock.lock();
      if (!plain) {
        if (const auto change = gate_.ended(report.succeeded, report.failed, host_.clock->steady_now());
            change != Gate::Change::none)
          note(report, change);
      }
      worker.runs = nullptr;
      if (worker.consumer != source.consumer) worker.consumer.reset();
      absorb(*turn, report.due, spent);
      std::size_t unsettled = 0;
      for (const auto& each : sources_) unsettled = std::max(unsettled, each->unsettled());
      if (unsettled >= settle_at_once_max && settling_.has_any(sources_))
        flush(lock);
      else if (unsettled > 0 && lanes_.ready() > 0)
        wants_flush_();
      continue;
    }
    if (settling_.has_any(sources_)) {
      flush(lock);
      continue;
    }
    if (!spent.empty()) {
      lock.unlock();
      spent.clear();
      lock.lock();
      continue;
    }
    worker.consumer.reset();
    sleep(lock, opening.events == 0 ? opening.next : lanes_.next_due());
  }
  worker.consumer.reset();
  --alive_;
  ended_.notify_all();
}

/// The circuit breaker has opened or closed; under the lock.
void Handling::note(const Turns::Report& report, Gate::Change change) {
  if (change == Gate::Change::closed) {
    work_.notify_all();
    return host_.say(LogLevel::info, name_ + " succeeds again, and goes on");
  }
  host_.say(LogLevel::warning, name_ + " pauses: " + std::to_string(gate_.failed()) + " of its last " +
                                   std::to_string(gate_.attempts()) + " attempts failed, the last with " +
                                   printable(report.why) + "; one event is tried in " + to_text(gate_.pause()) +
                                   ", the others wait");
}

void Handling::pause(bool paused, Pauser by, const std::string& why) {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(by == Pauser::request ? paused_by_request_ : paused_by_program_, paused) == paused) return;
  if (by == Pauser::request) paused_why_ = why;
  gate_.set_paused(paused_by_program_ || paused_by_request_);
  if (workers_.empty()) return;  // `start` says so
  auto line = name_ + (paused ? " is paused" : " is resumed") + (why.empty() ? "" : " by " + why);
  if (paused)
    line += ": it begins nothing until it is resumed";
  else if (gate_.is_paused())
    line += ", and stays paused by " + (paused_by_request_ ? paused_why_ : std::string("its own program"));
  host_.say(LogLevel::info, line);
  work_.notify_all();
}

std::vector<std::string> Handling::held() const {
  std::vector<std::pair<std::string, std::shared_ptr<Consumer>>> consumers;
  {
    const std::scoped_lock lock(mutex_);
    if (!is_reader())
      for (const auto& source : sources_) consumers.emplace_back(source->topic, source->consumer);
  }
  std::vector<std::string> places;
  for (const auto& [topic, consumer] : consumers)
    for (const auto partition : consumer->assignment()) places.push_back(topic + "/" + std::to_string(partition.value));
  return places;
}

void Handling::sleep(std::unique_lock<std::mutex>& lock, std::optional<SteadyTime> due) {
  auto wait = idle_wait;
  if (due) {
    wait = std::clamp<Duration>(*due - host_.clock->steady_now(), Duration::zero(), idle_wait);
    if (host_.clock != &system_clock()) wait = std::min(wait, manual_clock_wait);
  }
  ++idle_;
  work_.wait_for(lock, wait);
  --idle_;
}

/// The turn is over; under the lock. What kept its events goes into `spent`.
void Handling::absorb(Lanes::Turn& turn, std::optional<SteadyTime> due,
                      std::vector<std::shared_ptr<const void>>& spent) {
  relink(turn, [&](Task& task) {
    auto& source = *task.source;
    if (!task.dropped && task.stage == Task::Stage::parking) {
      if (parking_.take(task)) return false;
      task.dropped = true;
    }
    if (task.settled && task.again) {
      parking_.driven(task);
    } else if (task.settled) {
      source.done(task.outcome).push_back(task.delivery.id);
    } else if (task.dropped && task.again) {
      parking_.gave_up(task);
    } else if (task.dropped) {
      source.held -= std::min<std::size_t>(source.held, 1);
    } else {
      return true;
    }
    spent.push_back(std::move(task.delivery.owner));
    lanes_.recycle(task);
    return false;
  });
  lanes_.give_back(turn, due);
  if (due && idle_ > 0) work_.notify_one();  // to wake in time
}

// What is settled.

void Handling::flush() {
  std::unique_lock lock(mutex_);
  flush(lock);
}

void Handling::flush(std::unique_lock<std::mutex>& lock) {
  settling_.flush(sources_, lock);
  for (const auto& source : sources_)
    if (source->waiting_for_room) room_.notify_all();
}

void Handling::extend() {
  for (auto& source : sources_) {
    std::vector<DeliveryId> ids;
    std::shared_ptr<Consumer> consumer;
    {
      const std::scoped_lock lock(mutex_);
      lanes_.for_each([&](const Task& task) {
        if (task.source == source.get() && !task.again && !source->lost(task.delivery.id))
          ids.push_back(task.delivery.id);
      });
      ids.insert(ids.end(), source->handled.begin(), source->handled.end());
      ids.insert(ids.end(), source->parked.begin(), source->parked.end());
      ids.insert(ids.end(), source->expired.begin(), source->expired.end());
      consumer = source->consumer;
    }
    if (ids.empty()) continue;
    if (auto extended = consumer->extend(ids); !extended)
      host_.say(LogLevel::debug,
                name_ + " could not keep " + std::to_string(ids.size()) + " events: " + to_string(extended.error()));
  }
}

// What is parked, and driven again.

std::vector<Source*> Handling::sources() const {
  std::vector<Source*> all;
  for (const auto& source : sources_) all.push_back(source.get());
  return all;
}

std::shared_ptr<Consumer> Handling::consumer(const Source& source) const {
  const std::scoped_lock lock(mutex_);
  return source.consumer;
}

std::uint64_t Handling::fetched(const Source& source, std::uint32_t partition) const {
  const std::scoped_lock lock(mutex_);
  return partition < source.fetched.size() ? source.fetched[partition] : 0;
}

void Handling::drive(Source& source, std::span<Delivery> events, std::span<const char> ordered) {
  const std::scoped_lock lock(mutex_);
  for (std::size_t at = 0; at < events.size(); ++at) {
    auto& task = lanes_.make();
    const auto kind = source.kind_of(handler_->kinds(), events[at].envelope);
    task.delivery = std::move(events[at]);
    task.source = &source;
    std::tie(task.key, task.keyed) = lane_of(source, task.delivery);
    task.kind = kind.value_or(0);
    task.again = task.alone = true;
    task.ordered = ordered[at] != 0;
    // Of a type that is no longer taken: as when it comes for the first time.
    if (!kind) task.outcome = Outcome::skipped;
    lanes_.add(task);
  }
  for (auto wake = std::min(lanes_.ready(), idle_); wake > 0; --wake) work_.notify_one();
}

void Handling::lose(Source& source, std::uint32_t partition, std::uint64_t generation) {
  const std::scoped_lock lock(mutex_);
  source.lose(partition, generation);
}

void Handling::put_aside(std::span<Task* const> tasks) {
  std::vector<std::shared_ptr<const void>> spent;
  {
    const std::scoped_lock lock(mutex_);
    for (auto* task : tasks) {
      auto& source = *task->source;
      if (!task->again && task->dropped)
        source.held -= std::min<std::size_t>(source.held, 1);
      else if (!task->again)
        source.parked.push_back(task->delivery.id);
      spent.push_back(std::move(task->delivery.owner));
      lanes_.recycle(*task);
    }
    if (idle_ > 0) work_.notify_one();
  }
  wants_flush_();
}

// How it ends.

bool Handling::clean_up() {
  if (!effects_ || stopping_) return false;
  const auto cleaned = effects_->clean_up();
  return cleaned && *cleaned;  // else the next time
}

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
  parking_.begin_stop();
}

bool Handling::wait_ended(SteadyTime until) {
  {
    std::unique_lock lock(mutex_);
    if (!ended_.wait_until(lock, until, [&] { return alive_ == 0; })) return false;
  }
  for (auto& fetcher : fetchers_) fetcher.join();
  for (auto& worker : workers_) worker->thread.join();
  fetchers_.clear();
  if (!parking_.wait_ended(until)) return false;
  {
    // The keeper may have taken what is done before we could, and must have told the broker before we leave the group.
    std::unique_lock lock(mutex_);
    flush(lock);
    if (!ended_.wait_until(lock, until, [&] { return !settling_.is_under_way(); })) return false;
  }
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
    texts.push_back(name_ + " still runs event " + shown(envelope.id) + " (key '" + shown(envelope.key) + "')");
  }
  if (alive_ == 0 && texts.empty() && !settling_.is_under_way())
    texts.push_back(name_ + " still writes to " + parking_.topic());
  if (settling_.is_under_way()) texts.push_back(name_ + " still settles what it has done");
  return texts;
}

std::vector<std::pair<std::string, std::string>> Handling::group_topics() const {
  std::vector<std::pair<std::string, std::string>> topics;
  if (is_reader()) return topics;
  for (const auto& source : sources_) topics.emplace_back(source->topic, source->broker_topic);
  return topics;
}

std::string Handling::state() const {
  const std::scoped_lock lock(mutex_);
  if (paused_by_request_) return "it is paused by `tidings pause`";
  if (gate_.is_paused()) return "it is paused";
  return gate_.is_broken() ? "its circuit breaker is open" : "";
}

HandlerStats Handling::stats() const {
  const auto& counted = turns_.counted();
  const auto& written = parking_.counted();
  const std::scoped_lock lock(mutex_);
  return {.handled = counted.handled,
          .failed = counted.failed,
          .parked = written.parked,
          .redriven = written.redriven,
          .ignored = ignored_,
          .expired = counted.expired,
          .overran = turns_.overran(),
          .paused = gate_.is_paused(),
          .broken = gate_.is_broken()};
}

}  // namespace tidings::service
