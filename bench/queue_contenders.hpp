#pragma once

#include <concurrentqueue/blockingconcurrentqueue.h>
#include <concurrentqueue/concurrentqueue.h>
#include <readerwriterqueue/readerwriterqueue.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "tick.hpp"
#include "tidings/bus/bus.hpp"

// Who is measured by the queues' benchmark. Each takes a handler, which a thread of its own runs, and events from one
// publisher; at most `bound` of them wait.
namespace bench::queues {

constexpr std::size_t bound = 1024;
constexpr std::size_t apart = 128;  // two lines, since processors fetch them in pairs

/// Waits for another thread that is about to act: at first by spinning, then by giving the processor away.
class Patience {
 public:
  /// `pauses`: from one look to the next.
  explicit Patience(int pauses) : pauses_(pauses) {}
  void wait() {
    if (waited_ > 4000) return std::this_thread::yield();
    for (int i = 0; i < pauses_; ++i) __builtin_ia32_pause();
    waited_ += pauses_;
  }

 private:
  int pauses_;
  int waited_ = 0;
};
/// For an event: at once.
constexpr int eager = 1;
/// For room in a full queue: each look takes lines from the thread that makes the room. moodycamel's with tokens is
/// five times as fast for it on two near cores, the others do not mind.
constexpr int considerate = 100;

/// A thread that pops from a queue without waiting, and hands to the handler.
template <class Queue, class Handler>
class Polled {
 public:
  explicit Polled(Handler handler)
      : handler_(std::move(handler)), thread_([this](const std::stop_token& stop) { run(stop); }) {}
  void publish(const Tick& tick) {
    Patience patience(considerate);
    while (!queue_.push(tick)) patience.wait();
  }

 private:
  void run(const std::stop_token& stop) {
    Tick tick;
    Patience patience(eager);
    while (!stop.stop_requested())
      if (queue_.pop(tick)) {
        handler_(tick);
        patience = Patience(eager);
      } else {
        patience.wait();
      }
  }

  alignas(apart) Queue queue_;
  alignas(apart) Handler handler_;
  alignas(apart) std::jthread thread_;  // last: it goes first
};

/// The limit: a ring between two threads and nothing else. Each side keeps the other's place as it saw it last.
class RingQueue {
 public:
  bool push(const Tick& tick) {
    const auto at = tail_.load(std::memory_order_relaxed);
    if (at - head_seen_ == bound) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (at - head_seen_ == bound) return false;
    }
    slots_[at % bound] = tick;
    tail_.store(at + 1, std::memory_order_release);
    return true;
  }
  bool pop(Tick& tick) {
    const auto at = head_.load(std::memory_order_relaxed);
    if (at == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (at == tail_seen_) return false;
    }
    tick = slots_[at % bound];
    head_.store(at + 1, std::memory_order_release);
    return true;
  }

 private:
  alignas(64) std::atomic<std::uint64_t> head_ = 0;
  std::uint64_t tail_seen_ = 0;
  alignas(64) std::atomic<std::uint64_t> tail_ = 0;
  std::uint64_t head_seen_ = 0;
  alignas(64) std::array<Tick, bound> slots_{};
};
template <class Handler>
using Ring = Polled<RingQueue, Handler>;

/// With tokens, bounded: `try_enqueue` never allocates. Implicit producers have no block but those of the constructor.
class ConcurrentQueue {
 public:
  bool push(const Tick& tick) { return queue_.try_enqueue(producer_, tick); }
  bool pop(Tick& tick) { return queue_.try_dequeue(consumer_, tick); }
  std::size_t pop_bulk(Tick* ticks, std::size_t max) { return queue_.try_dequeue_bulk(consumer_, ticks, max); }

 private:
  moodycamel::ConcurrentQueue<Tick> queue_{bound, 1, 0};
  alignas(apart) moodycamel::ProducerToken producer_{queue_};
  alignas(apart) moodycamel::ConsumerToken consumer_{queue_};
};
template <class Handler>
using Concurrent = Polled<ConcurrentQueue, Handler>;

/// The same, taken out by the thirty-two, so that the indices are shared less often. An event in hand is none that
/// waits.
class BulkQueue : public ConcurrentQueue {
 public:
  bool pop(Tick& tick) {
    if (taken_ == count_) {
      taken_ = 0;
      count_ = pop_bulk(ticks_.data(), ticks_.size());
      if (count_ == 0) return false;
    }
    tick = ticks_[taken_++];
    return true;
  }

 private:
  alignas(apart) std::array<Tick, 32> ticks_;
  std::size_t count_ = 0;
  std::size_t taken_ = 0;
};
template <class Handler>
using Bulk = Polled<BulkQueue, Handler>;

class ReaderWriterQueue {
 public:
  bool push(const Tick& tick) { return queue_.try_enqueue(tick); }
  bool pop(Tick& tick) { return queue_.try_dequeue(tick); }

 private:
  moodycamel::ReaderWriterQueue<Tick> queue_{bound};
};
template <class Handler>
using ReaderWriter = Polled<ReaderWriterQueue, Handler>;

/// moodycamel's that parks: it spins for a while, then waits on a semaphore.
template <class Handler>
class Parking {
 public:
  explicit Parking(Handler handler) : handler_(std::move(handler)), thread_([this] { run(); }) {}
  ~Parking() { publish({.sequence = over}); }
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;
  void publish(const Tick& tick) {
    Patience patience(considerate);
    while (!queue_.try_enqueue(producer_, tick)) patience.wait();
  }

 private:
  static constexpr auto over = ~std::uint64_t{0};

  void run() {
    Tick tick;
    while (true) {
      queue_.wait_dequeue(consumer_, tick);
      if (tick.sequence == over) return;
      handler_(tick);
    }
  }

  moodycamel::BlockingConcurrentQueue<Tick> queue_{bound, 1, 0};
  alignas(apart) moodycamel::ProducerToken producer_{queue_};
  alignas(apart) moodycamel::ConsumerToken consumer_{queue_};
  Handler handler_;
  std::jthread thread_;
};

/// As textbooks have it.
template <class Handler>
class Locked {
 public:
  explicit Locked(Handler handler) : handler_(std::move(handler)), thread_([this] { run(); }) {}
  ~Locked() {
    {
      const std::scoped_lock lock(mutex_);
      over_ = true;
    }
    not_empty_.notify_one();
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  void publish(const Tick& tick) {
    {
      std::unique_lock lock(mutex_);
      not_full_.wait(lock, [&] { return tail_ - head_ < bound; });
      slots_[tail_++ % bound] = tick;
    }
    not_empty_.notify_one();
  }

 private:
  void run() {
    while (true) {
      Tick tick;
      {
        std::unique_lock lock(mutex_);
        not_empty_.wait(lock, [&] { return over_ || head_ != tail_; });
        if (head_ == tail_) return;
        tick = slots_[head_++ % bound];
      }
      not_full_.notify_one();
      handler_(tick);
    }
  }

  std::mutex mutex_;
  std::condition_variable not_empty_;
  std::condition_variable not_full_;
  std::array<Tick, bound> slots_{};
  std::uint64_t head_ = 0;
  std::uint64_t tail_ = 0;
  bool over_ = false;
  Handler handler_;
  std::jthread thread_;
};

/// Ours, with a bus of its own: a publish that finds the queue full waits.
template <class Handler>
class Tidings {
 public:
  explicit Tidings(Handler handler)
      : subscription_(bus_.subscribe_queued({.name = "bench", .capacity = bound, .wait_max = std::chrono::seconds{30}},
                                            std::move(handler))) {}
  void publish(const Tick& tick) {
    if (!bus_.publish(tick)) throw std::runtime_error("a publish failed");
  }

 private:
  tidings::Bus bus_;
  tidings::Subscription subscription_;
};

}  // namespace bench::queues
