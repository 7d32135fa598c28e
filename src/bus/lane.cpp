#include "bus/lane.hpp"

#include <algorithm>
#include <cassert>

#include "bus/calling.hpp"
#include "bus/registry.hpp"

namespace tidings::bus {
namespace {

/// Larger events stand on the heap: a queue of 1,024 then has 1 MiB at most for itself.
constexpr std::size_t event_bytes_max = 1024;
constexpr std::size_t any_event_bytes = 48;
/// Looks before a thread goes to sleep: waking it takes 20 µs or more, so it stays awake about as long.
constexpr int looks_for_event = 400, looks_for_room = 200;
/// How long a waiting publisher sleeps at most before it looks for itself: it is only woken when there is room to speak
/// of, so that a full queue is not handed over event by event.
constexpr auto look_again = std::chrono::milliseconds{1};

void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

Ring::Shape shape_of(const QueueOptions& options, const Subscriber& subscriber) {
  assert(options.capacity > 0 && "a queue holds at least one event");
  std::size_t bytes = sizeof(void*);
  bool envelopes = false;
  for (const auto& taken : subscriber.taken) {
    const auto wanted = taken.type == nullptr ? any_event_bytes : taken.type->size_bytes;
    if (wanted <= event_bytes_max) bytes = std::max(bytes, wanted);
    envelopes = envelopes || taken.wants_context;
  }
  return {.capacity = options.capacity, .event_bytes = bytes, .envelopes = envelopes};
}

}  // namespace

Lane::Lane(QueueOptions options, const Subscriber& subscriber, Registry& registry)
    : options_(std::move(options)), name_(subscriber.name), registry_(registry), ring_(shape_of(options_, subscriber)) {
  for (const auto& taken : subscriber.taken) doors_.push_back({this, taken});
  if (options_.when_full == WhenFull::drop_oldest) moved_ = std::make_unique<std::byte[]>(ring_.event_bytes());
}

Lane::~Lane() {
  assert(!thread_.joinable());
}

void Lane::start(std::shared_ptr<Slot> slot) {
  thread_ = std::thread([this, slot = std::move(slot)] { work(*slot); });
  worker_ = thread_.get_id();
}

Lane::Door* Lane::door(const Taken& taken) {
  const auto found = std::ranges::find(doors_, taken.type, [](const Door& door) { return door.taken.type; });
  return &*found;
}

void enqueue(void* door, const void* /*event*/, Calling* calling) {
  const auto& there = *static_cast<const Lane::Door*>(door);
  there.lane->push(there.taken, *calling);
}

void Lane::push(const Taken& taken, Calling& calling) {
  const auto& event = calling.event();
  if (event.event_type().copy == nullptr) [[unlikely]]
    return fail(calling,
                {"not_copyable", name_ + " has a queue, and " + std::string(event.type()) + " cannot be copied"});
  auto place = ring_.claim();
  if (!place) [[unlikely]] {
    const auto deadline = std::chrono::steady_clock::now() + options_.wait_max;
    do {
      if (stopping_.load()) return fail(calling, {"closed", "the subscription '" + name_ + "' is ending"});
      if (options_.when_full == WhenFull::drop_oldest) {
        drop_oldest();
      } else if (options_.when_full == WhenFull::refuse) {
        return fail(calling, full("publish again later, or make the queue larger"));
      } else if (is_own_thread()) {
        return fail(calling, full("and its own handler cannot wait for it"));
      } else if (!wait_until(deadline, [&] { return ring_.claimed() - ring_.freed() < ring_.capacity(); }) &&
                 !stopping_.load()) {
        return fail(calling, full("its handler did not keep up for as long as wait_max allows"));
      }
      place = ring_.claim();
    } while (!place);
  }
  ring_.fill(*place, event, taken.run, taken.wants_context ? &calling.envelope() : nullptr);
  light_fence();
  if (parked_.load(mark_load)) wake_worker();
}

Error Lane::full(std::string_view why) {
  refused_.fetch_add(1, std::memory_order_relaxed);
  return {"backpressure",
          "the queue of '" + name_ + "' holds its " + std::to_string(ring_.capacity()) + " events; " + std::string(why),
          Retry::same_call};
}

void Lane::drop_oldest() {
  const std::scoped_lock lock(take_);
  if (ring_.claimed() - ring_.freed() < ring_.capacity()) return;
  if (ring_.front()) {
    ring_.pop();
    dropped_.fetch_add(1, std::memory_order_relaxed);
  } else {
    std::this_thread::yield();  // its publisher is about to fill it
  }
}

template <class Done>
bool Lane::wait_until(SteadyTime deadline, Done done) {
  for (int i = 0; i < looks_for_room; ++i) {
    if (done()) return true;
    pause_processor();
  }
  waiting_.fetch_add(1);
  heavy_fence();
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
  const bool drops = options_.when_full == WhenFull::drop_oldest;
  const auto eighth = std::max<std::size_t>(ring_.capacity() / 8, 1);
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (!(drops ? handle_next_or_drop(slot) : handle_next(slot))) {
      wait_for_event();
      continue;
    }
    light_fence();
    if (waiting_.load(mark_load) != 0 && (ring_.freed() % eighth == 0 || ring_.is_empty())) wake_waiters();
  }
  finished_.store(true);
  wake_waiters();
}

bool Lane::handle_next(Slot& slot) {
  const auto item = ring_.front();
  if (!item) return false;
  handle(slot, *item);  // in its place, which counts until it is done
  ring_.pop();
  return true;
}

bool Lane::handle_next_or_drop(Slot& slot) {
  std::unique_lock lock(take_);
  if (!ring_.front()) return false;
  handling_.store(ring_.freed() + 1);
  const auto item = ring_.take(moved_.get());  // out of the way: publishers make room by what is in the ring
  lock.unlock();
  handle(slot, item);
  ring_.destroy(item);
  handling_.store(0);
  return true;
}

void Lane::handle(Slot& slot, const Ring::Item& item) {
  const AnyEvent event(*item.type, item.event);
  const auto done = registry_.run_queued(slot, item.run, event, item.envelope);
  if (done) [[likely]] {
    handled_.store(handled_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return;
  }
  failed_.fetch_add(1, std::memory_order_relaxed);
  if (!options_.on_failure)
    registry_.log().write(LogLevel::warning, name_ + ": " + to_string(done.error()));
  else
    try {
      options_.on_failure(event, done.error());
    } catch (...) {
      registry_.log().write(LogLevel::error, name_ + ": on_failure threw: " + to_string(error_of_exception()));
    }
}

void Lane::wait_for_event() {
  for (int i = 0; i < looks_for_event; ++i) {
    if (!ring_.is_empty() || stopping_.load(std::memory_order_relaxed)) return;
    pause_processor();
  }
  parked_.store(true);
  heavy_fence();
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
  std::size_t count = 0;
  for (; ring_.front(); ++count) ring_.pop();
  if (count > 0)
    registry_.log().write(LogLevel::warning, name_ + ": the subscription ended with " + std::to_string(count) +
                                                 " events in its queue; they are discarded (drain it first)");
}

bool Lane::is_done(std::uint64_t place) const {
  const auto handling = handling_.load();
  return static_cast<std::int64_t>(ring_.freed() - place) >= 0 && (handling == 0 || handling > place);
}

Result<> Lane::drain(SteadyTime deadline) {
  if (is_own_thread()) return Error{"own_queue", "the handler of '" + name_ + "' cannot wait for its own queue"};
  const auto end = ring_.claimed();
  if (wait_until(deadline, [&] { return is_done(end); })) return {};
  if (stopping_.load()) return Error{"closed", "the subscription '" + name_ + "' has ended"};
  return Error{"timeout", "the queue of '" + name_ + "' still holds " + std::to_string(end - ring_.freed()) + " events",
               Retry::same_call};
}

void Lane::describe(SubscriptionInfo& info) const {
  info.queued = true;
  info.capacity = ring_.capacity();
  const auto freed = ring_.freed();
  info.pending = ring_.claimed() - freed;
  info.handled = handled_.load(std::memory_order_relaxed);
  info.failed = failed_.load(std::memory_order_relaxed);
  info.dropped = dropped_.load(std::memory_order_relaxed);
  info.refused = refused_.load(std::memory_order_relaxed);
}

}  // namespace tidings::bus
