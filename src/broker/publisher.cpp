#include "tidings/broker/publisher.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "tidings/broker/broker.hpp"
#include "tidings/broker/in_flight.hpp"

namespace tidings {
namespace {

class WindowedPublisher final : public Publisher {
 public:
  WindowedPublisher(std::unique_ptr<TwoStepPublish> steps, const PublisherOptions& options)
      : steps_(std::move(steps)),
        window_(std::max<std::size_t>(options.window, 1)),
        room_step_(std::max<std::size_t>(window_ / 8, 64)),
        log_(*options.log) {
    acknowledger_ = std::thread([this] { acknowledge(); });
  }
  ~WindowedPublisher() override {
    {
      const std::scoped_lock lock(mutex_);
      stops_ = true;
    }
    begun_.notify_one();
    acknowledger_.join();
  }
  WindowedPublisher(const WindowedPublisher&) = delete;
  WindowedPublisher& operator=(const WindowedPublisher&) = delete;

  Result<> publish(std::span<const EnvelopeView> events, Acknowledged acknowledged,
                   const PublishOptions& options) override {
    auto left = options;
    if (auto begun = wait_for_turn(events.size(), left); !begun) return begun;
    auto finish = steps_->begin(events, left);
    std::deque<Waiting> told;  // ends here, without the lock
    {
      const std::scoped_lock lock(mutex_);
      is_beginning_ = false;
      told.swap(told_);
      if (finish) {
        ++accepted_;
        waiting_.push_back({std::move(*finish), std::move(acknowledged), events.size()});
        if (waiting_.size() == 1) begun_.notify_one();
      } else {
        outstanding_ -= events.size();
      }
    }
    changed_.notify_all();
    return finish ? Result<>{} : finish.error();
  }

  Result<> flush(Duration wait_max) override {
    if (is_own_thread())
      return Error{"own_callback", "a callback of this publisher cannot wait for callbacks; flush elsewhere"};
    std::unique_lock lock(mutex_);
    const auto end = accepted_;
    const auto until = deadline_after(std::chrono::steady_clock::now(), wait_max);
    if (changed_.wait_until(lock, until, [&] { return finished_ >= end; })) return {};
    return Error{"timeout", std::to_string(end - finished_) + " publishes are not acknowledged yet; flush again",
                 Retry::same_call};
  }

 private:
  struct Waiting {
    TwoStepPublish::Finish finish;
    Acknowledged acknowledged;
    std::size_t events;
  };

  [[nodiscard]] bool is_own_thread() const { return std::this_thread::get_id() == acknowledger_.get_id(); }

  /// Until the window has room for so many events, and nobody else hands some over: what is handed over first stands
  /// first in the queue.
  Result<> wait_for_turn(std::size_t events, PublishOptions& options) {
    std::unique_lock lock(mutex_);
    const auto has_room = [&] { return outstanding_ == 0 || outstanding_ + events <= window_; };
    const auto may_begin = [&] { return !is_beginning_ && has_room(); };
    if (!may_begin()) {
      const auto full = [&](std::string_view why) {
        return Error{"backpressure",
                     "the window of " + std::to_string(window_) + " events is full, " + std::string(why),
                     Retry::same_call};
      };
      if (is_own_thread() && !has_room())
        return full("and a callback cannot wait for it; publish elsewhere, or widen the window");
      const auto until = deadline_after(std::chrono::steady_clock::now(), options.wait_max);
      if (!changed_.wait_until(lock, until, may_begin))
        return full("and was for as long as wait_max allows; wait longer, or widen it");
      options.wait_max = std::max<Duration>(until - std::chrono::steady_clock::now(), Duration::zero());
    }
    outstanding_ += events;
    is_beginning_ = true;
    return {};
  }

  void acknowledge() {
    std::deque<Waiting> taken;
    std::unique_lock lock(mutex_);
    while (true) {
      begun_.wait(lock, [&] { return stops_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      taken.swap(waiting_);
      lock.unlock();
      std::size_t events = 0;
      std::size_t publishes = 0;
      const auto make_room = [&] {  // with the lock
        outstanding_ -= std::exchange(events, 0);
        finished_ += std::exchange(publishes, 0);
        changed_.notify_all();
      };
      for (auto& one : taken) {
        tell(one);
        events += one.events;
        ++publishes;
        if (events < room_step_) continue;
        // Before the last of a large window is told, others may be on their way.
        const std::scoped_lock step(mutex_);
        make_room();
      }
      lock.lock();
      make_room();
      if (told_.empty()) {
        told_.swap(taken);
        continue;
      }
      lock.unlock();
      taken.clear();
      lock.lock();
    }
  }

  void tell(Waiting& one) {
    try {
      auto result = one.finish();
      if (one.acknowledged) one.acknowledged(std::move(result));
    } catch (const std::exception& thrown) {
      log_.write(LogLevel::error, std::string("the callback of a publish threw: ") + thrown.what());
    } catch (...) {
      log_.write(LogLevel::error, "the callback of a publish threw something that is no std::exception");
    }
    one.acknowledged = nullptr;  // what it holds goes now, without the lock
  }

  const std::unique_ptr<TwoStepPublish> steps_;
  const std::size_t window_;
  const std::size_t room_step_;
  LogSink& log_;
  std::mutex mutex_;
  std::condition_variable begun_, changed_;
  std::deque<Waiting> waiting_;
  // Who publishes next ends them, and so gives their memory back where it came from: malloc is slow for a thread whose
  // memory another one frees.
  std::deque<Waiting> told_;
  std::size_t outstanding_ = 0;                // events, also those whose publish has just begun
  std::uint64_t accepted_ = 0, finished_ = 0;  // publishes
  bool is_beginning_ = false;                  // one hands its events over
  bool stops_ = false;
  std::thread acknowledger_;
};

/// What a broker does that knows no other way.
class WholePublish final : public TwoStepPublish {
 public:
  WholePublish(Broker& broker, std::string_view topic) : broker_(broker), topic_(topic) {}
  Result<Finish> begin(std::span<const EnvelopeView> events, const PublishOptions& options) override {
    auto places = broker_.publish(topic_, events, options);
    if (!places && places.error().code != "outcome_unknown") return places.error();
    return Finish{[places = std::move(places)] { return places; }};
  }

 private:
  Broker& broker_;
  const std::string topic_;
};

}  // namespace

std::unique_ptr<Publisher> make_publisher(std::unique_ptr<TwoStepPublish> steps, const PublisherOptions& options) {
  return std::make_unique<WindowedPublisher>(std::move(steps), options);
}

Result<> validate(const PublisherOptions& options) {
  constexpr std::size_t window_max = 1'000'000;
  if (options.window >= 1 && options.window <= window_max) return {};
  return Error{"invalid_options", "the window of a publisher has 1 to " + std::to_string(window_max) + " events, not " +
                                      std::to_string(options.window)};
}

std::optional<Hold> Consumer::keep(Partition partition) {
  const auto held = assignment();
  return std::ranges::find(held, partition) == held.end() ? std::nullopt : std::optional<Hold>(std::in_place);
}
void Consumer::let_go(Partition) {}
std::optional<Offset> Consumer::read_to(Partition) const {
  return std::nullopt;
}
void Consumer::begin(std::span<const Attempt>) {}
void Consumer::end(std::span<const DeliveryId>) {}

Result<> Broker::set_retention(std::string_view, const Retention&) {
  return Error{"unsupported", "this broker removes nothing by age or size; its own options bound it"};
}

Result<> Broker::delete_topic(std::string_view) {
  return Error{"unsupported", "this broker deletes no topics: they go with it, or by the tools of its server"};
}

Result<> Broker::delete_group(std::string_view, std::string_view) {
  return Error{"unsupported", "this broker keeps its groups until it ends"};
}

Result<std::unique_ptr<Publisher>> Broker::publisher(std::string_view topic, const PublisherOptions& options) {
  if (auto valid = validate(options); !valid) return valid.error();
  try {
    return make_publisher(std::make_unique<WholePublish>(*this, topic), options);
  } catch (const std::system_error& none) {
    return Error{"no_thread", std::string("a publisher needs a thread, and the system has none: ") + none.what(),
                 Retry::same_call};
  }
}

}  // namespace tidings
