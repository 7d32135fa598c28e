#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "brokers/nats/keeper.hpp"
#include "brokers/nats/producing.hpp"
#include "brokers/nats/sender.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::brokers::nats {

/// A broker over NATS JetStream: a stream for each partition, records of topics, groups and positions in a bucket of
/// its key-value store. docs/decisions/2026-11-26-nats.md says why it is made so.
class NatsBroker final : public Broker {
 public:
  static Result<std::unique_ptr<NatsBroker>> open(Url url, const BrokerOptions& options);
  ~NatsBroker() override;
  NatsBroker(const NatsBroker&) = delete;
  NatsBroker& operator=(const NatsBroker&) = delete;

  const Capabilities& capabilities() const override;
  Result<> create_topic(std::string_view topic, const TopicOptions& options) override;
  Result<> set_retention(std::string_view topic, const Retention& retention) override;
  Result<> delete_group(std::string_view topic, std::string_view group) override;
  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options) override;
  Result<std::unique_ptr<Publisher>> publisher(std::string_view topic, const PublisherOptions& options) override;
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override;
  Result<std::vector<TopicInfo>> topics() override;
  Result<TopicInfo> topic(std::string_view topic) override;
  Result<std::vector<GroupInfo>> groups(std::string_view topic) override;
  Result<> seek(std::string_view topic, std::string_view group, const Start& to) override;
  Result<> close(Duration wait_max) override;

  /// What publishes to a topic. Errors as `Broker::publish`.
  struct Outlet {
    std::shared_ptr<Sender> sender;
    std::shared_ptr<Producing> producing;
    Durability durability{};
  };
  Result<Outlet> outlet(std::string_view topic, SteadyTime until);

 private:
  /// What publishers publish to a topic with: over a connection of their own, whose events go together. The topic's own
  /// where there is no such connection. Errors as `publisher`.
  Result<std::shared_ptr<Sender>> sender_together(std::string_view topic, SteadyTime until);
  explicit NatsBroker(std::shared_ptr<Core> core) : core_(std::move(core)), keeper_(core_) {}
  [[nodiscard]] Result<> check_open() const;
  Result<GroupInfo> group(std::string_view topic, const std::string& group, const TopicInfo& info, SteadyTime until);

  const std::shared_ptr<Core> core_;
  Keeper keeper_;
  std::atomic<bool> is_closed_ = false;
  std::mutex mutex_;
  std::map<std::string, Outlet, std::less<>> outlets_;
  std::mutex opening_mutex_;  // of the next; taken before mutex_
  std::shared_ptr<Link> link_together_;
  std::map<std::string, std::shared_ptr<Sender>, std::less<>> senders_together_;
};

/// How long a call without a deadline of its own waits for the server.
inline constexpr Duration call_within = std::chrono::seconds{10};

/// Does something with a group that nobody is a member of: nobody joins meanwhile. Errors: `group_active` (same call):
/// nothing was done, and those of `act`. `lease` is how long a silent member is waited for.
[[nodiscard]] Result<> with_group_alone(GroupStore& store, Core& core, std::string_view topic, std::string_view group,
                                        std::string_view then, const std::function<Result<>(SteadyTime until)>& act);

}  // namespace tidings::brokers::nats
