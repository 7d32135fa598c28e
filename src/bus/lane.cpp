#include "bus/lane.hpp"

#include <algorithm>
#include <cassert>

#include "bus/calling.hpp"
#include "bus/queued_calls.hpp"
#include "tidings/base/pause.hpp"

namespace tidings::bus {
namespace {

/// Larger events stand on the heap: a queue of 1,024 then has 1 MiB at most for itself.
constexpr std::size_t event_bytes_max = 1024;
constexpr std::size_t any_event_bytes = 48;
constexpr std::size_t capacity_max = std::size_t{1} << 24;
/// How long a thread looks before it goes to sleep. Waking one takes 20 µs, and as long again until it has done
/// something: who sleeps sooner finds the other asleep when it wakes, and the two wake one another for each queue full
/// of events.
constexpr auto awake_max = std::chrono::microseconds{50};
/// How long where looking was in vain the last few times.
constexpr auto awake_min = std::chrono::microseconds{3};
/// Pauses from look to look, some 2 µs. Each look takes a line from the thread that is waited for, which writes it: who
/// needs an event to go on looks at once, who waits for many leaves them time to come. Half as long was as good where
/// the two processors are near one another, and a third slower where they are far.
constexpr int pauses_for_many = 100;
/// So many events at a stretch, and publishers are taken to go on: the next look waits until several have come.
constexpr int burst_of_many = 8;
/// How long a waiting publisher sleeps at most before it looks for itself: it is only woken when there is room to speak
/// of, so that a full queue is not handed over event by event.
constexpr auto look_again = std::chrono::milliseconds{1};

/// Looks whether it is `done`, for `time`; false: it is not.
template <class Done>
bool look(Duration time, int pauses, Done done) {
  const auto until = std::chrono::steady_clock::now() + time;
  constexpr int pauses_till_clock = 16;
  int paused = 0;
  for (;;) {
    if (done()) return true;
    for (int i = 0; i < pauses; ++i) pause_processor();
    paused += pauses;
    if (paused < pauses_till_clock) continue;
    paused = 0;
    if (std::chrono::steady_clock::now() >= until) return done();
  }
}

std::string events(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " event" : " events");
}

Ring::Shape shape_of(const QueueOptions& options, const Subscriber& subscriber) {
  std::size_t bytes = sizeof(void*);
  bool envelopes = false;
  for (const auto& taken : subscriber.taken) {
    const auto wanted = taken.type == nullptr ? any_event_bytes : taken.type->size_bytes;
    if (wanted <= event_bytes_max) bytes = std::max(bytes, wanted);
    envelopes = envelopes || taken.wants_context;
  }
  return {.capacity = std::clamp<std::size_t>(options.capacity, 1, capacity_max),
          .event_bytes = bytes,
          .envelopes = envelopes,
          .moves = options.when_full == WhenFull::drop_oldest};
}

}  // namespace

Lane::Lane(QueueOptions options, const Subscriber& subscriber, Registry& registry)
    : options_(std::move(options)),
      name_(subscriber.name),
      registry_(registry),
      ring_(shape_of(options_, subscriber)),
      some_(std::max<std::size_t>(ring_.capacity() / 8, 1)) {
  for (const auto& taken : subscriber.taken) doors_.push_back({this, taken});
  if (options_.when_full == WhenFull::drop_oldest) moved_ = std::make_unique<std::byte[]>(ring_.taken_bytes());
}

Lane::~Lane() {
  assert(!thread_.joinable());
}

void Lane::start(std::shared_ptr<Slot> slot) {
  thread_ = std::thread([this, slot = std::move(slot)] { work(*slot); });
  worker_ = thread_.get_id();
}

namespace {

/// To the publisher; the error says which queue it is of.
void tell(const Calling& calling, Error error) {
  calling.result().add_error(std::move(error));
}

}  // namespace

Lane::Door* Lane::door(const Taken& taken) {
  const auto found = std::ranges::find(doors_, taken.type, [](const Door& door) { return door.taken.type; });
  return &*found;
}

void enqueue(void* door, const void* /*event*/, Calling* calling) {
  const auto& there = *static_cast<const Lane::Door*>(door);
  there.lane->push(there.taken, *calling);
}

/// After an event was put in: the thread's `parked_`, a heavy fence and a look into the ring, and here the event, a
/// light fence and a look at `parked_`. Not both look too early.
inline void Lane::wake_parked() {
  light_fence();
  if (parked_.load(mark_load)) [[unlikely]]
    wake_worker();
}

void Lane::push(const Taken& taken, Calling& calling) {
  const auto& event = calling.event();
  if (event.event_type().copy == nullptr) [[unlikely]]
    return tell(calling,
                {"not_copyable", name_ + " has a queue, and " + std::string(event.type()) + " cannot be copied"});
  // Before there is a place, which must be filled: the clock and the entropy are the user's, and may throw.
  const auto* const envelope = taken.wants_context ? &calling.envelope() : nullptr;
  auto& thread = this_publisher().claimer;
  auto place = ring_.claim(thread);
  if (!place) [[unlikely]] {
    const auto deadline = std::chrono::steady_clock::now() + options_.wait_max;
    do {
      if (stopping_.load()) return tell(calling, {"closed", "the subscription '" + name_ + "' is ending"});
      if (options_.when_full == WhenFull::drop_oldest) {
        drop_oldest();
      } else if (options_.when_full == WhenFull::refuse) {
        return tell(calling, full("publish again later, or make the queue larger"));
      } else if (is_own_thread()) {
        return tell(calling, full("and its own handler cannot wait for it"));
      } else if (!wait_until(
                     deadline, [&] { return has_room(1); }, [&] { return has_room(some_); }) &&
                 !stopping_.load()) {
        return tell(calling, full("its handler did not keep up for as long as wait_max allows"));
      }
      place = ring_.claim(thread);
    } while (!place);
  }
  try {
    ring_.fill(*place, event, taken.run, envelope);
  } catch (...) {
    wake_parked();  // for the place, which is to be passed over: a drain waits for that
    throw;
  }
  wake_parked();
}

Error Lane::full(std::string_view why) {
  refused_.fetch_add(1, std::memory_order_relaxed);
  return {"backpressure",
          "the queue of '" + name_ + "' holds its " + events(ring_.capacity()) + "; " + std::string(why),
          Retry::same_call};
}

void Lane::drop_oldest() {
  const std::scoped_lock lock(take_);
  if (has_room(1)) return;
  if (const auto oldest = ring_.front()) {
    ring_.pop(*oldest);
    dropped_.fetch_add(1, std::memory_order_relaxed);
  } else {
    std::this_thread::yield();  // its publisher is about to fill it
  }
}

/// Awake, waits until it is `done_well`, and then takes what is `done`.
template <class Done, class DoneWell>
bool Lane::wait_until(SteadyTime deadline, Done done, DoneWell done_well) {
  const auto left = deadline - std::chrono::steady_clock::now();
  if (look(std::min<Duration>(awake_max, left), pauses_for_many, done_well)) return true;
  if (done()) return true;
  waiting_.fetch_add(1);
  heavy_fence();  // its light side: in `handle_all`, from the place that is freed to the look at `waiting_`
  std::unique_lock lock(mutex_);
  bool is_done = false;
  while (!(is_done = done()) && !stopping_.load()) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) break;
    progress_.wait_for(lock, std::min<Duration>(look_again, deadline - now));
  }
  waiting_.fetch_sub(1);
  return is_done;
}

void Lane::wake_worker() {
  const std::scoped_lock lock(mutex_);
  parked_.store(false);
  event_.notify_one();
}

void Lane::wake_waiters() {
  const std::scoped_lock lock(mutex_);
  progress_.notify_all();
}

void Lane::work(Slot& slot) {
  while (!stopping_.load(std::memory_order_relaxed))
    if (!handle_all(slot)) wait_for_event();
  finished_.store(true);
  wake_waiters();
}

bool Lane::handle_all(Slot& slot) {
  if (ring_.is_empty()) return false;
  const bool drops = options_.when_full == WhenFull::drop_oldest;
  QueuedCalls calls(registry_, slot);
  burst_ = 0;
  while (!stopping_.load(std::memory_order_relaxed) && (drops ? handle_next_or_drop(calls) : handle_next(calls))) {
    light_fence();
    ++burst_;
    if (waiting_.load(mark_load) == 0) [[likely]]
      continue;
    const auto freed = ring_.freed();
    if (freed - told_ < some_ && !ring_.is_empty()) continue;
    told_ = freed;
    wake_waiters();
  }
  return true;
}

bool Lane::handle_next(QueuedCalls& calls) {
  const auto item = ring_.front();
  if (!item) return false;
  if (!handle(calls, *item)) return false;  // in its place, which counts until it is done
  ring_.pop(*item);
  return true;
}

bool Lane::handle_next_or_drop(QueuedCalls& calls) {
  std::unique_lock lock(take_);
  if (!ring_.front()) return false;
  handling_.store(ring_.freed() + 1);
  const auto item = ring_.take(moved_.get());  // out of the way: publishers make room by what is in the ring
  lock.unlock();
  if (!handle(calls, item)) ++passed_over_;
  ring_.destroy(item);
  handling_.store(0);
  return true;
}

/// False where the subscription has ended: then nobody handled it.
bool Lane::handle(QueuedCalls& calls, const Ring::Item& item) {
  const AnyEvent event(*item.type, item.event);
  const auto called = calls.call(item.run, event, item.envelope);
  if (called == QueuedCalls::Called::done) [[likely]]
    handled_.store(handled_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  else if (called == QueuedCalls::Called::failed)
    tell_failed(event, calls.take_error());
  return called != QueuedCalls::Called::not_at_all;
}

void Lane::tell_failed(const AnyEvent& event, const Error& error) {
  failed_.fetch_add(1, std::memory_order_relaxed);
  if (!options_.on_failure)
    registry_.log().write(LogLevel::warning, name_ + ": " + to_string(error));
  else
    try {
      options_.on_failure(event, error);
    } catch (...) {
      registry_.log().write(LogLevel::error, name_ + ": on_failure threw: " + to_string(error_of_exception()));
    }
}

void Lane::wait_for_event() {
  if (burst_ >= burst_of_many)
    for (int i = 0; i < pauses_for_many; ++i) pause_processor();
  if (look(awake_, 1, [&] { return !ring_.is_empty() || stopping_.load(std::memory_order_relaxed); })) {
    awake_ = awake_max;
    return;
  }
  awake_ = std::max<Duration>(awake_ / 2, awake_min);
  parked_.store(true);
  heavy_fence();  // its light side: `wake_parked`
  if (!ring_.is_empty()) return parked_.store(false);
  std::unique_lock lock(mutex_);
  event_.wait(lock, [&] { return !parked_.load() || stopping_.load(); });
  parked_.store(false);
}

void Lane::stop() {
  const bool first = !stopping_.exchange(true);
  {
    const std::scoped_lock lock(mutex_);
    event_.notify_all();
    progress_.notify_all();
  }
  if (is_own_thread()) {
    if (first) registry_.adopt(std::move(thread_), shared_from_this());
  } else if (first) {
    thread_.join();
  } else {
    std::unique_lock lock(mutex_);
    progress_.wait(lock, [&] { return finished_.load(); });
  }
}

void Lane::discard() {
  const std::scoped_lock lock(take_);  // the bus and the handle may both end it
  auto count = std::exchange(passed_over_, 0);
  for (; const auto item = ring_.front(); ++count) ring_.pop(*item);
  if (count > 0)
    registry_.log().write(LogLevel::warning, name_ + ": the subscription ended with " + events(count) +
                                                 " in its queue; discarded (drain it first)");
}

bool Lane::is_done(std::uint64_t place) const {
  const auto handling = handling_.load();
  return static_cast<std::int64_t>(ring_.freed() - place) >= 0 && (handling == 0 || handling > place);
}

std::uint64_t Lane::pending(std::uint64_t end) const {
  const auto handling = handling_.load();  // first: taken out of the ring by the time that this says what it has freed
  const auto freed = ring_.freed();
  const bool in_hand = handling != 0 && handling <= freed && handling <= end;
  return (end > freed ? end - freed : 0) + (in_hand ? 1 : 0);
}

Result<> Lane::drain(SteadyTime deadline) {
  if (is_own_thread()) return Error{"own_queue", "the handler of '" + name_ + "' cannot wait for its own queue"};
  const auto end = ring_.claimed();
  const auto done = [&] { return is_done(end); };
  if (wait_until(deadline, done, done)) return {};
  if (stopping_.load()) return Error{"closed", "the subscription '" + name_ + "' has ended"};
  const auto left = pending(end);
  if (left == 0) return {};
  return Error{"timeout", "the queue of '" + name_ + "' still holds " + events(left), Retry::same_call};
}

void Lane::describe(SubscriptionInfo& info) const {
  info.queued = true;
  info.capacity = ring_.capacity();
  info.pending = pending(ring_.claimed());
  info.handled = handled_.load(std::memory_order_relaxed);
  info.failed = failed_.load(std::memory_order_relaxed);
  info.dropped = dropped_.load(std::memory_order_relaxed);
  info.refused = refused_.load(std::memory_order_relaxed);
}

}  // namespace tidings::bus
