#include "tidings/bridge/bridge.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "bridge/mirror.hpp"
#include "bridge/own_topics.hpp"
#include "tidings/base/text.hpp"

namespace tidings {

namespace {
constexpr Duration look_for_topics_every = std::chrono::seconds{2};
}  // namespace

class Bridge::Impl {
 public:
  Impl(Broker& from, Broker& to, BridgeOptions options) : from_(from), to_(to), options_(std::move(options)) {}

  Result<> run(const std::stop_token& stop);
  [[nodiscard]] std::vector<BridgedTopic> progress() const {
    const std::scoped_lock lock(mutex_);
    std::vector<BridgedTopic> all;
    for (const auto& [topic, way] : ways_) all.push_back(way->mirror.progress());
    return all;
  }

 private:
  struct Way {
    Way(Broker& from, Broker& to, const std::string& topic, const BridgeOptions& options)
        : mirror(from, to, topic, options) {}
    bridge::Mirror mirror;
    std::jthread thread;
    Result<> result;
    bool ended = false;
  };
  Result<> begin(const std::string& topic);
  Result<> begin_all();

  Broker& from_;
  Broker& to_;
  const BridgeOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::unique_ptr<Way>> ways_;
};

Result<> Bridge::Impl::begin(const std::string& topic) {
  const std::scoped_lock lock(mutex_);
  if (ways_.contains(topic)) return {};
  auto& way = *ways_.emplace(topic, std::make_unique<Way>(from_, to_, topic, options_)).first->second;
  way.thread = std::jthread([this, &way] {
    auto result = way.mirror.run();
    const std::scoped_lock ended(mutex_);
    way.result = std::move(result);
    way.ended = true;
    changed_.notify_all();
  });
  return {};
}

Result<> Bridge::Impl::begin_all() {
  auto topics = from_.topics();
  if (!topics) return topics.error();
  for (const auto& topic : *topics)
    if (!bridge::is_own(topic.name))
      if (auto begun = begin(topic.name); !begun) return begun;
  return {};
}

Result<> Bridge::Impl::run(const std::stop_token& stop) {
  if (auto fine = validate_name("bridge", options_.name); !fine) return fine;
  for (const auto& topic : options_.topics) {
    if (auto goes = bridge::check_goes_over(topic); !goes) return goes;
    if (auto there = from_.topic(topic); !there) return there.error();
  }
  for (const auto& topic : options_.topics)
    if (auto begun = begin(topic); !begun) return begun;
  const std::stop_callback wake(stop, [this] {
    const std::scoped_lock lock(mutex_);
    changed_.notify_all();
  });
  const bool all = options_.topics.empty();
  bool looked = !all;  // for topics
  while (!stop.stop_requested()) {
    if (all && (options_.follow || !looked)) {
      const auto begun = begin_all();
      if (!begun && (!looked || begun.error().retry == Retry::never)) {
        if (begun.error().retry == Retry::never) return begun;
        options_.log->write(LogLevel::warning, "bridge: " + to_string(begun.error()));
      }
      looked = looked || begun.has_value();
    }
    std::unique_lock lock(mutex_);
    const auto is_over = [&] {
      const bool refused =
          std::ranges::any_of(ways_, [](const auto& way) { return way.second->ended && !way.second->result; });
      const bool ended = std::ranges::all_of(ways_, [](const auto& way) { return way.second->ended; });
      return stop.stop_requested() || (refused && !options_.follow && ended) || (!options_.follow && looked && ended) ||
             (options_.follow && !ways_.empty() && ended);
    };
    changed_.wait_for(lock, look_for_topics_every, is_over);
    if (is_over()) break;
  }
  Result<> result;
  for (auto& [topic, way] : ways_) way->mirror.stop();
  for (auto& [topic, way] : ways_) way->thread.join();
  for (auto& [topic, way] : ways_)
    if (!way->result && result) result = way->result;
  return result;
}

Bridge::Bridge(Broker& from, Broker& to, BridgeOptions options)
    : impl_(std::make_unique<Impl>(from, to, std::move(options))) {}
Bridge::~Bridge() = default;
Result<> Bridge::run(const std::stop_token& stop) {
  return impl_->run(stop);
}
std::vector<BridgedTopic> Bridge::progress() const {
  return impl_->progress();
}

}  // namespace tidings
