#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "brokers/memory/topic.hpp"
#include "brokers/memory/url.hpp"

namespace tidings::brokers::memory {

/// What the handles on one name share: the topics, and the bound on their bytes. Thread-safe. It goes with the last
/// handle.
class Medium {
 public:
  /// The one of that name in this process. Error `invalid_url` where it was opened with other options.
  static Result<std::shared_ptr<Medium>> open(const Url& url);

  explicit Medium(Url url) : url_(std::move(url)) {}

  /// Null: there is none.
  [[nodiscard]] std::shared_ptr<Topic> find(std::string_view name);
  /// The topic, made if there is none. Error `topic_exists_with` where `options` are given and differ.
  Result<std::shared_ptr<Topic>> make(std::string_view name, const TopicOptions& options, bool given);
  [[nodiscard]] std::vector<std::shared_ptr<Topic>> topics();

  /// Takes `bytes` of the bound. Error `backpressure`.
  Result<> reserve(std::size_t bytes, Duration wait_max);
  /// Of what was reserved, so much was not needed.
  void give_back(std::size_t bytes);
  /// Something was settled: there may be space.
  void settled();

 private:
  bool try_reserve(std::size_t bytes);

  const Url url_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Topic>, std::less<>> topics_;

  std::mutex space_mutex_;
  std::condition_variable space_;
  std::size_t bytes_ = 0;
  std::size_t waiting_ = 0;
  std::uint64_t settled_ = 0;  // counts up while somebody waits
};

}  // namespace tidings::brokers::memory
