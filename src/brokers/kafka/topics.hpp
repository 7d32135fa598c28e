#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "brokers/kafka/cluster.hpp"
#include "brokers/kafka/names.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::brokers::kafka {

/// What has to be known of a topic to publish to it, or to subscribe.
struct TopicFacts {
  std::uint32_t partitions = 0;
  TopicTraits traits;
};

/// The topics of a cluster, by our names. What was asked is remembered for a while, since it hardly changes.
/// Thread-safe.
class Topics {
 public:
  Topics(Cluster& cluster, const Names& names, const BrokerOptions& options)
      : cluster_(cluster), names_(names), options_(options) {}

  /// As `Broker::create_topic`.
  Result<> create(std::string_view name, const TopicOptions& options);
  /// Errors `invalid_name`, `unknown_topic`.
  Result<TopicFacts> existing(std::string_view name, SteadyTime until = Cluster::in_time());
  Result<TopicFacts> existing_or_new(std::string_view name, bool may_create, SteadyTime until = Cluster::in_time());
  /// It may have changed, or gone.
  void forget(std::string_view name);

  Result<std::vector<TopicInfo>> infos();
  Result<TopicInfo> info(std::string_view name);
  Result<> set_retention(std::string_view name, const Retention& retention);
  Result<> remove(std::string_view name);

 private:
  struct Known {
    TopicFacts facts;
    SteadyTime since{};
  };
  Result<TopicFacts> look(std::string_view name, SteadyTime until);
  Result<TopicFacts> make(std::string_view name, const TopicOptions& options, SteadyTime until);

  Cluster& cluster_;
  const Names& names_;
  const BrokerOptions options_;
  std::mutex mutex_;
  std::map<std::string, Known, std::less<>> known_;
};

}  // namespace tidings::brokers::kafka
