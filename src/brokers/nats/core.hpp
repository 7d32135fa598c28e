#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "brokers/nats/api.hpp"
#include "brokers/nats/topic.hpp"

namespace tidings::brokers::nats {

class Member;

/// What a broker's handle and its consumers share; goes with the last of them.
struct Core {
  Core(Url url_, const BrokerOptions& options_, std::shared_ptr<Link> link)
      : url(std::move(url_)), options(options_), api(std::move(link)), topics(api, url, options) {}
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  const Url url;
  const BrokerOptions options;
  Api api;
  Topics topics;

  void add(const std::shared_ptr<Member>& member) {
    {
      const std::scoped_lock lock(mutex);
      std::erase_if(members, [](const auto& known) { return known.expired(); });
      members.push_back(member);
    }
    wake_keeper();
  }
  [[nodiscard]] std::vector<std::shared_ptr<Member>> live_members() {
    const std::scoped_lock lock(mutex);
    std::vector<std::shared_ptr<Member>> live;
    for (const auto& known : members)
      if (auto member = known.lock()) live.push_back(std::move(member));
    return live;
  }

  /// Something wants the keeper: see `Keeper`.
  void wake_keeper() {
    const std::scoped_lock lock(mutex);
    keeper_wanted = true;
    keeper_wake.notify_one();
  }
  std::mutex mutex;
  std::condition_variable keeper_wake;
  bool keeper_wanted = false;
  std::vector<std::weak_ptr<Member>> members;
};

}  // namespace tidings::brokers::nats
