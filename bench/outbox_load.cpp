#include "outbox_load.hpp"

#include <atomic>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "table.hpp"
#include "tidings/event/make_envelope.hpp"

namespace bench::outbox {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr std::uint64_t committed_max = 2'000'000;
constexpr std::size_t read_at_once = 1'000;
constexpr auto delivered_within = 60s;

double seconds(Steady::duration time) {
  return std::chrono::duration<double>(time).count();
}

class Carrying {
 public:
  Carrying(Side& side, tidings::Broker& broker, const Load& load)
      : side_(side), broker_(broker), load_(load), committed_at_(committed_max) {}

  Carried run() {
    auto reader = broker_.subscribe(tidings::event_topic<OrderPlaced>(), {}).or_throw();
    std::vector<std::unique_ptr<Committer>> committers;
    while (committers.size() < load_.connections) committers.push_back(side_.committer());
    Carried carried;
    const auto begin = Steady::now();
    Steady::time_point ended = begin;
    std::jthread reading;
    if (load_.is_relayed) reading = std::jthread([&] { guarded([&] { read(*reader); }); });
    {
      std::vector<std::jthread> committing;
      for (const auto& committer : committers)
        committing.emplace_back([&] { guarded([&] { commit(*committer, begin + load_.lasts); }); });
    }
    ended = Steady::now();
    carried.relayed = delivered_;
    carried.committed = next_;
    carried.seconds_committed = seconds(ended - begin);
    is_committed_ = true;
    if (reading.joinable()) reading.join();
    if (failed_) std::rethrow_exception(failed_);
    carried.seconds_delivered = seconds(Steady::now() - begin);
    carried.p50_nanoseconds = times_.empty() ? 0 : figure_of(std::move(times_)).median;
    return carried;
  }

 private:
  template <class F>
  void guarded(F&& work) {
    try {
      work();
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      failed_ = std::current_exception();
    }
  }

  void commit(Committer& committer, Steady::time_point until) {
    for (auto due = Steady::now(); due < until; due = load_.apart == 0ns ? Steady::now() : due + load_.apart) {
      std::this_thread::sleep_until(due);
      const auto number = next_++;
      if (number >= committed_max) throw std::runtime_error("more was committed than there is place for");
      committer.commit(order_of(number));
      committed_at_[number] = Steady::now().time_since_epoch().count();
    }
  }

  void read(tidings::Consumer& reader) {
    std::vector<bool> came(committed_max);
    auto last = Steady::now();
    while (!is_committed_ || delivered_ < next_) {
      const auto deliveries = reader.fetch(read_at_once, 10ms).or_throw();
      const auto now = Steady::now();
      if (!deliveries.empty()) last = now;
      if (now - last > delivered_within)
        throw std::runtime_error(std::to_string(next_ - delivered_) + " events did not come");
      for (const auto& delivery : deliveries) {
        const auto number =
            static_cast<std::uint64_t>(tidings::decode_event<OrderPlaced>(delivery.envelope).or_throw().number);
        if (number >= committed_max || came[number]) throw std::runtime_error("an event came that should not");
        came[number] = true;
        const auto committed_at = committed_at_[number].load();
        const auto passed = now.time_since_epoch().count() - committed_at;
        // It may be there before who committed it was told so.
        times_.push_back(committed_at == 0 || passed < 0 ? 0.0 : static_cast<double>(passed));
      }
      delivered_ += deliveries.size();
    }
  }

  Side& side_;
  tidings::Broker& broker_;
  const Load load_;
  std::vector<std::atomic<Steady::rep>> committed_at_;
  std::atomic<std::uint64_t> next_ = 0;
  std::atomic<std::uint64_t> delivered_ = 0;
  std::atomic<bool> is_committed_ = false;
  std::vector<double> times_;
  std::mutex mutex_;
  std::exception_ptr failed_;
};

}  // namespace

Carried carry(Side& side, tidings::Broker& broker, const Load& load) {
  if (load.is_relayed) side.start_relay(broker);
  auto carried = Carrying(side, broker, load).run();
  if (load.is_relayed) side.stop_relay();
  const auto left = side.waiting();
  if (left != (load.is_relayed ? 0 : carried.committed))
    throw std::runtime_error(std::to_string(left) + " events are in the outbox");
  return carried;
}

}  // namespace bench::outbox
