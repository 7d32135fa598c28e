#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "brokers/log/member.hpp"
#include "tidings/broker/routing.hpp"

namespace tidings::brokers::log {

using tidings::log::LogDirectory;

/// As the contract has it, where a group was deleted meanwhile.
[[nodiscard]] Error busy_if_gone(Error error);

/// What every call answers once the broker is closed.
[[nodiscard]] inline Error closed() {
  return {"closed", "this log is closed; open it again", Retry::reopen};
}

/// Of a deadline; never less than nothing.
[[nodiscard]] inline Duration left(SteadyTime until) {
  return std::max(Duration::zero(), Duration{until - SteadyTime{std::chrono::steady_clock::now()}});
}

/// The log as a broker. Thread-safe.
class LogBroker final : public Broker {
 public:
  LogBroker(std::unique_ptr<LogDirectory> directory, const BrokerOptions& options)
      : directory_(std::move(directory)), options_(options) {}
  ~LogBroker() override { end_all(Duration::zero()); }
  LogBroker(const LogBroker&) = delete;
  LogBroker& operator=(const LogBroker&) = delete;

  const Capabilities& capabilities() const override {
    static constexpr Capabilities what{.persistent = true,
                                       .several_processes = true,
                                       .retention = true,
                                       .delete_group = true,
                                       .exact_counts = true,
                                       .delays = true,
                                       .producers = true,
                                       .attempts_survive_crash = true};
    return what;
  }

  Result<> create_topic(std::string_view name, const TopicOptions& options) override;
  Result<> set_retention(std::string_view name, const Retention& retention) override;
  Result<> delete_topic(std::string_view name) override;
  Result<std::vector<Published>> publish(std::string_view name, std::span<const EnvelopeView> events,
                                         const PublishOptions& options) override;
  Result<std::unique_ptr<Publisher>> publisher(std::string_view name, const PublisherOptions& options) override;
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view name, const ConsumerOptions& options) override;
  Result<std::vector<TopicInfo>> topics() override;
  Result<TopicInfo> topic(std::string_view name) override;
  Result<std::vector<GroupInfo>> groups(std::string_view name) override;
  Result<> seek(std::string_view name, std::string_view group, const Start& to) override;
  Result<> delete_group(std::string_view name, std::string_view group) override;
  Result<> close(Duration wait_max) override {
    end_all(wait_max);
    return {};
  }

 private:
  /// Events that are written, and have yet to be synced as far as `until_durable` says.
  struct Written {
    std::vector<Published> places;
    std::shared_ptr<TopicLog> topic;  ///< whose partitions they are: it is in use until they are synced
    struct End {
      PartitionLog* partition;
      std::uint64_t offset;
    };
    std::vector<End> until_durable;
    SteadyTime until{};
  };
  class Steps;
  Result<Written> write(const std::shared_ptr<TopicLog>& topic, std::span<const EnvelopeView> events,
                        const PublishOptions& options);
  Result<Written> write_to(const std::shared_ptr<TopicLog>& topic, std::span<const EnvelopeView> events,
                           const PublishOptions& options);
  Result<Written> write_single(const std::shared_ptr<TopicLog>& topic, const EnvelopeView& event,
                               const PublishOptions& options);
  static Result<std::uint64_t> write_once(PartitionLog& partition, const Routing::Part& part, const Producer& producer,
                                          Routing& routing, Duration wait_max);
  static Result<std::vector<Published>> finish(Written written);
  Result<std::shared_ptr<TopicLog>> existing(std::string_view name);
  Result<std::shared_ptr<TopicLog>> existing_or_new(std::string_view name, bool may_create);
  /// What `act` answers for the topic of that name: where it was deleted since it was found, or its group was, for the
  /// next one. Others may go on deleting it; then that is the answer.
  template <class Act>
  auto with_topic(std::string_view name, bool may_create, Act act)
      -> std::invoke_result_t<Act, const std::shared_ptr<TopicLog>&> {
    for (int attempt = 1;; ++attempt) {
      auto topic = existing_or_new(name, may_create);
      if (!topic) return topic.error();
      auto answer = act(*topic);
      if (answer || attempt == 16) return answer;
      if (answer.error().code != "unknown_topic" && answer.error().code != "group_gone") return answer;
    }
  }
  Result<std::shared_ptr<TopicLog>> make(std::string_view name, const TopicOptions& options);
  Result<TopicInfo> info(TopicLog& topic);
  Result<GroupInfo> info(TopicLog& topic, const std::string& group);
  void sync_in_background(const std::shared_ptr<TopicLog>& topic);
  void start_syncer();
  void end_all(Duration wait_max);

  const std::unique_ptr<LogDirectory> directory_;
  const BrokerOptions options_;
  std::atomic<bool> closed_ = false;
  std::atomic<std::uint32_t> keyless_ = 0;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Member>> members_;
  std::vector<std::shared_ptr<TopicLog>> interval_topics_;
  struct Syncer {
    std::condition_variable_any stop;
    std::jthread thread;
  };
  std::unique_ptr<Syncer> syncer_;  // none before there is a topic, or a member, that it has to sync
  bool has_told_no_thread_ = false;
};

}  // namespace tidings::brokers::log
