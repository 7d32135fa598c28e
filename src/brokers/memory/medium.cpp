#include "brokers/memory/medium.hpp"

#include <chrono>

namespace tidings::brokers::memory {

Result<std::shared_ptr<Medium>> Medium::open(const Url& url) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Medium>> media;
  const std::scoped_lock lock(mutex);
  std::erase_if(media, [](const auto& entry) { return entry.second.expired(); });
  auto& known = media[url.name];
  auto medium = known.lock();
  if (!medium) known = medium = std::make_shared<Medium>(url);
  if (medium->url_.bytes_max != url.bytes_max || medium->url_.keep_settled != url.keep_settled)
    return Error{"invalid_url",
                 "memory:" + url.name + " is open in this process with other options; use the same, or another name"};
  return medium;
}

std::shared_ptr<Topic> Medium::find(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<Topic>> Medium::make(std::string_view name, const TopicOptions& options, bool given) {
  const std::scoped_lock lock(mutex_);
  auto& topic = topics_[std::string(name)];
  if (!topic) {
    topic = std::make_shared<Topic>(std::string(name), options);
    return topic;
  }
  if (!given) return topic;
  const auto differs = [&](const std::string& what, std::size_t is, std::size_t asked) {
    return Error{"topic_exists_with", "topic " + topic->name() + " exists with " + what + " " + std::to_string(is) +
                                          ", not " + std::to_string(asked) + "; leave it so, or use another topic"};
  };
  if (options.partitions != 0 && options.partitions != topic->partitions())
    return differs("partitions", topic->partitions(), options.partitions);
  if (options.event_bytes_max != 0 && options.event_bytes_max != topic->event_bytes_max())
    return differs("event_bytes_max", topic->event_bytes_max(), options.event_bytes_max);
  return topic;
}

std::vector<std::shared_ptr<Topic>> Medium::topics() {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<Topic>> all;
  all.reserve(topics_.size());
  for (const auto& [name, topic] : topics_) all.push_back(topic);
  return all;
}

bool Medium::try_reserve(std::size_t bytes) {
  if (bytes > url_.bytes_max - bytes_) return false;
  bytes_ += bytes;
  return true;
}

Result<> Medium::reserve(std::size_t bytes, Duration wait_max) {
  const auto until = deadline_after(std::chrono::steady_clock::now(), wait_max);
  std::unique_lock lock(space_mutex_);
  if (try_reserve(bytes)) return {};
  ++waiting_;
  bool reserved = false;
  while (!reserved && !url_.keep_settled && bytes <= url_.bytes_max) {
    const auto seen = settled_;
    lock.unlock();  // who settles holds its topic, then asks for this
    std::size_t freed = 0;
    for (const auto& topic : topics()) freed += topic->trim();
    lock.lock();
    bytes_ -= freed;
    if (freed > 0) space_.notify_all();
    reserved = try_reserve(bytes);
    if (!reserved &&
        !space_.wait_until(lock, until, [&] { return settled_ != seen || bytes_ + bytes <= url_.bytes_max; }))
      break;
  }
  --waiting_;
  if (reserved) return {};
  return Error{"backpressure",
               "memory:" + url_.name + " holds " + std::to_string(bytes_) + " of " + std::to_string(url_.bytes_max) +
                   " bytes and has no room for " + std::to_string(bytes) +
                   " more; open it with a larger bytes_max, or with retain=settled, or use log:DIR",
               Retry::same_call};
}

void Medium::give_back(std::size_t bytes) {
  const std::scoped_lock lock(space_mutex_);
  bytes_ -= bytes;
  space_.notify_all();
}

void Medium::settled() {
  const std::scoped_lock lock(space_mutex_);
  if (waiting_ == 0) return;
  ++settled_;
  space_.notify_all();
}

}  // namespace tidings::brokers::memory
