#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidings/bridge/bridge.hpp"

namespace tidings::bridge {

/// One topic's way over: a member of the bridge's group at the source, which publishes at the target what it fetches,
/// and settles it then. `run` in a thread of its own; the rest from any.
class Mirror {
 public:
  Mirror(Broker& from, Broker& to, std::string topic, const BridgeOptions& options);

  Result<> run();
  void stop();
  [[nodiscard]] BridgedTopic progress() const;

 private:
  Result<> prepare();
  Result<> check_target(const TopicInfo& target);
  [[nodiscard]] std::string group() const;
  void leave();
  Result<> carry(std::vector<Delivery>& deliveries);
  /// Those of one partition, in their order.
  Result<> send(std::span<const Delivery> deliveries);
  Result<> publish(std::span<const EnvelopeView> events, const PublishOptions& options,
                   std::span<const Delivery> whole);
  [[nodiscard]] bool is_at_the_end() const;
  [[nodiscard]] std::optional<std::uint64_t> behind() const;
  bool pause(Duration wait);
  void tell(const Error& why);

  Broker& from_;
  Broker& to_;
  const std::string topic_;
  const BridgeOptions& options_;
  std::vector<Offset> ends_;  // of the source, as it began
  bool one_to_one_ = false;   // as many partitions here as there
  std::shared_ptr<Consumer> consumer_;
  std::span<const Delivery> in_hand_;

  std::atomic<std::uint64_t> mirrored_ = 0;
  std::atomic<std::uint64_t> left_out_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  std::atomic<bool> stopping_ = false;
  std::string trouble_;
};

}  // namespace tidings::bridge
