#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "brokers/nats/api.hpp"
#include "brokers/nats/names.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::brokers::nats {

/// What is known of a topic, in its record in the bucket, from which its streams are made. Its members are those of the
/// record's JSON.
struct TopicRecord {
  int format = 1;
  std::uint32_t partitions = 0;
  std::string durability;
  std::uint64_t event_bytes_max = 0;
  std::uint64_t retention_bytes = 0;
  std::int64_t retention_age_s = 0;
  std::int64_t duplicate_window_ns = 0;
  int replicas = 1;
  std::uint64_t bytes_max = 0;  ///< of each partition, beyond which a publish is refused; 0: without bound

  [[nodiscard]] Retention retention() const { return {retention_bytes, std::chrono::seconds{retention_age_s}, false}; }
  [[nodiscard]] StreamConfig stream(std::string_view topic, std::uint32_t partition) const;
};

/// A topic as this handle knows it. Thread-safe.
class Topic {
 public:
  Topic(std::string name, const TopicRecord& record, Durability durability)
      : name_(std::move(name)), record_(record), durability_(durability) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint32_t partitions() const { return record_.partitions; }
  [[nodiscard]] std::size_t event_bytes_max() const { return record_.event_bytes_max; }
  [[nodiscard]] Durability durability() const { return durability_; }
  [[nodiscard]] std::string stream(std::uint32_t partition) const { return stream_name(name_, partition); }
  [[nodiscard]] std::string subject(std::uint32_t partition) const { return subject_name(name_, partition); }
  /// Of a call's events without a key.
  [[nodiscard]] std::uint32_t next_turn() { return turn_++; }

 private:
  const std::string name_;
  const TopicRecord record_;
  const Durability durability_;
  std::atomic<std::uint32_t> turn_ = 0;
};

/// The topics there are. Thread-safe. A record is written whole before its streams are made; who finds one without
/// them makes them, so that a topic is never there in part.
class Topics {
 public:
  Topics(Api& api, const Url& url, const BrokerOptions& options) : api_(api), url_(url), options_(options) {}

  /// Looks whether the bucket is there, and warns of one that is kept other than the URL says. Makes nothing: asking
  /// must not say for all groups to come how many servers keep where they stand.
  Result<> begin(SteadyTime until);
  /// Error `topic_exists_with` where `given` options differ.
  Result<std::shared_ptr<Topic>> make(std::string_view name, const TopicOptions& options, bool given, SteadyTime until);
  /// Error `unknown_topic`.
  Result<std::shared_ptr<Topic>> find(std::string_view name, SteadyTime until);
  Result<std::shared_ptr<Topic>> find_or_make(std::string_view name, bool may_make, SteadyTime until);
  /// It is looked up anew next time.
  void forget(std::string_view name);

  Result<TopicInfo> info(std::string_view name, SteadyTime until);
  Result<std::vector<std::string>> names(SteadyTime until);
  Result<> set_retention(std::string_view name, const Retention& retention, SteadyTime until);

 private:
  [[nodiscard]] TopicRecord record_of(const TopicOptions& options) const;
  Result<> make_bucket(std::string_view for_topic, SteadyTime until);
  void warn_of_bucket(const StreamConfig& there) const;
  Result<std::optional<std::pair<TopicRecord, std::uint64_t>>> read(std::string_view name, SteadyTime until);
  Result<> make_streams(std::string_view name, const TopicRecord& record, SteadyTime until);
  Result<std::shared_ptr<Topic>> known(std::string_view name, const TopicRecord& record, SteadyTime until);

  Api& api_;
  const Url& url_;
  const BrokerOptions& options_;
  std::atomic<bool> has_bucket_ = false;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Topic>, std::less<>> topics_;
};

[[nodiscard]] Error unknown_topic(std::string_view name);

}  // namespace tidings::brokers::nats
