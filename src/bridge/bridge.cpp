#include "tidings/bridge/bridge.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <system_error>
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
  void tell(const Result<>& begun);

  Broker& from_;
  Broker& to_;
  const BridgeOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::unique_ptr<Way>> ways_;
  std::string trouble_;  // with beginning; of `run`
};

Result<> Bridge::Impl::begin(const std::string& topic) {
  const std::scoped_lock lock(mutex_);
  if (ways_.contains(topic)) return {};
  auto way = std::make_unique<Way>(from_, to_, topic, options_);
  try {
    way->thread = std::jthread([this, way = way.get()] {
      auto result = way->mirror.run();
      const std::scoped_lock ended(mutex_);
      way->result = std::move(result);
      way->ended = true;
      changed_.notify_all();
    });
  } catch (const std::system_error& none) {
    return Error{"no_thread",
                 "topic " + printable(topic) + " needs a thread, and the system has none: " + std::string(none.what()),
                 Retry::same_call};
  }
  ways_.emplace(topic, std::move(way));
  return {};
}

Result<> Bridge::Impl::begin_all() {
  std::vector<std::string> names = options_.topics;
  if (names.empty()) {
    auto topics = from_.topics();
    if (!topics) return topics.error();
    for (const auto& topic : *topics)
      if (!bridge::is_own(topic.name)) names.push_back(topic.name);
  }
  for (const auto& name : names)
    if (auto begun = begin(name); !begun) return begun;
  return {};
}

/// Trouble is told once.
void Bridge::Impl::tell(const Result<>& begun) {
  auto text = begun ? std::string{} : to_string(begun.error());
  if (text == trouble_) return;
  trouble_ = std::move(text);
  if (!trouble_.empty()) options_.log->write(LogLevel::warning, "bridge: " + printable(trouble_));
}

Result<> Bridge::Impl::run(const std::stop_token& stop) {
  if (auto fine = validate_name("bridge", options_.name); !fine) return fine;
  for (const auto& topic : options_.topics) {
    if (auto goes = bridge::check_goes_over(topic); !goes) return goes;
    if (auto there = from_.topic(topic); !there) return there.error();
  }
  const std::stop_callback wake(stop, [this] {
    const std::scoped_lock lock(mutex_);
    changed_.notify_all();
  });
  const bool comes_later = options_.topics.empty() && options_.follow;
  Result<> result;
  bool all_begun = false;  // that there were
  while (!stop.stop_requested()) {
    if (!all_begun || comes_later) {
      const auto begun = begin_all();
      tell(begun);
      if (!begun && begun.error().retry == Retry::never) {
        result = begun;
        break;
      }
      all_begun = all_begun || begun.has_value();
    }
    std::unique_lock lock(mutex_);
    const auto is_over = [&] {
      return stop.stop_requested() || (all_begun && (!options_.follow || !ways_.empty()) &&
                                       std::ranges::all_of(ways_, [](const auto& way) { return way.second->ended; }));
    };
    if (changed_.wait_for(lock, look_for_topics_every, is_over)) break;
  }
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
