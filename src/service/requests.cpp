#include "service/requests.hpp"

#include "service/backoff.hpp"
#include "tidings/base/text.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t fetch_max = 256;
constexpr Duration fetch_wait = 1s;
constexpr Duration reply_age_max = 1h;  // who waits for one has given up long before
const Backoff trouble{.immediate = 0, .delayed = 0, .first = 50ms, .longest = 5s};

}  // namespace

Requests::~Requests() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void Requests::stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  come_.notify_all();
  if (consumer_) consumer_->wake();
}

Result<std::string> Requests::listen() {
  const std::scoped_lock opening(opening_);
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return Error{"closed", "the service stops", Retry::reopen};
    if (consumer_) return topic_;
  }
  topic_ = replies_of(host_.service);
  const auto topic = in_namespace(host_.name_space, topic_);
  if (host_.create_topics && !host_.broker->topic(topic)) {
    // Replies are worth nothing once their process is gone, and little after their deadline.
    TopicOptions options{.durability = Durability::memory};
    if (host_.broker->capabilities().retention) options.retention = Retention{.age = reply_age_max};
    auto made = host_.broker->create_topic(topic, options);
    if (!made && made.error().code == "unsupported") {
      options.durability.reset();
      made = host_.broker->create_topic(topic, options);
    }
    if (!made && made.error().code != "topic_exists_with") return made.error();  // another process was first
  }
  auto consumer =
      host_.broker->subscribe(topic, {.group = "", .start = Start::latest(), .create_topic = host_.create_topics});
  if (!consumer) return consumer.error();
  const std::scoped_lock lock(mutex_);
  consumer_ = std::move(*consumer);
  thread_ = std::thread([this] { loop(); });
  return topic_;
}

void Requests::loop() {
  int failures = 0;
  while (true) {
    auto fetched = consumer_->fetch(fetch_max, fetch_wait);
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    if (!fetched) {
      const auto pause = endless_pause_after(trouble, ++failures, *host_.entropy);
      host_.say(LogLevel::warning, "gets no replies of " + topic_ + ": " + to_string(fetched.error()));
      come_.wait_for(lock, pause, [&] { return stopping_; });
      if (fetched.error().retry != Retry::reopen || stopping_) continue;
      lock.unlock();
      auto again = host_.broker->subscribe(in_namespace(host_.name_space, topic_),
                                           {.group = "", .start = Start::latest(), .create_topic = false});
      lock.lock();
      if (again) consumer_ = std::move(*again);
      continue;
    }
    failures = 0;
    for (const auto& delivery : *fetched) {
      const auto id = delivery.envelope.headers.get(reply::to_request);
      if (!id) continue;
      const auto waits = replies_.find(*id);
      if (waits != replies_.end() && !waits->second) waits->second = std::make_unique<Envelope>(delivery.envelope);
    }
    come_.notify_all();
  }
}

void Requests::expect(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  replies_.emplace(id, nullptr);
}

void Requests::forget(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  replies_.erase(id);
}

Result<Envelope> Requests::wait(const std::string& id, std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  const auto request = replies_.find(id);
  come_.wait_until(lock, until, [&] { return stopping_ || request->second; });
  auto come = std::move(request->second);
  replies_.erase(request);
  if (come) return std::move(*come);
  if (stopping_) return Error{"closed", "the service stops, and the reply has not come", Retry::reopen};
  return Error{"no_reply", "no reply came in time; the request may still be handled", Retry::same_call};
}

}  // namespace tidings::service
