#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tidings/broker/broker.hpp"

// A broker that fails where a test wants it to.
namespace tidings::bridge {

class Faulty final : public Broker {
 public:
  explicit Faulty(std::unique_ptr<Broker> broker) : broker_(std::move(broker)) {}

  std::unique_ptr<Broker> release() { return std::move(broker_); }

  std::size_t fetch_most = 1000;  ///< deliveries a fetch
  /// What the next settle answers instead of doing anything.
  void fail_settle(Error error) {
    const std::scoped_lock lock(mutex_);
    settle_error_ = std::move(error);
  }
  /// What each fetch of a reader brings, once it has brought that many deliveries: nothing.
  void silence_readers_after(std::size_t deliveries) {
    const std::scoped_lock lock(mutex_);
    readers_left_ = deliveries;
  }
  void fail_groups(std::optional<Error> error) {
    const std::scoped_lock lock(mutex_);
    groups_error_ = std::move(error);
  }

  /// What it delivers then has these headers too, as if no broker had looked at it.
  void give_headers(Headers headers) {
    const std::scoped_lock lock(mutex_);
    headers_ = std::move(headers);
  }

  void hide_groups(bool hidden) {
    const std::scoped_lock lock(mutex_);
    hides_groups_ = hidden;
  }

  const Capabilities& capabilities() const override { return broker_->capabilities(); }
  Result<> create_topic(std::string_view topic, const TopicOptions& options) override {
    return broker_->create_topic(topic, options);
  }
  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options = {}) override {
    return broker_->publish(topic, events, options);
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    auto consumer = broker_->subscribe(topic, options);
    if (!consumer) return consumer.error();
    return std::make_unique<Member>(*this, options.group.empty(), std::move(*consumer));
  }
  Result<std::vector<TopicInfo>> topics() override { return broker_->topics(); }
  Result<TopicInfo> topic(std::string_view topic) override { return broker_->topic(topic); }
  Result<std::vector<GroupInfo>> groups(std::string_view topic) override {
    {
      const std::scoped_lock lock(mutex_);
      if (groups_error_) return *groups_error_;
      if (hides_groups_) return std::vector<GroupInfo>{};
    }
    return broker_->groups(topic);
  }
  Result<> seek(std::string_view topic, std::string_view group, const Start& to) override {
    return broker_->seek(topic, group, to);
  }
  Result<> close(Duration wait_max) override { return broker_->close(wait_max); }

 private:
  class Member final : public Consumer {
   public:
    Member(Faulty& faulty, bool is_reader, std::unique_ptr<Consumer> consumer)
        : faulty_(faulty), is_reader_(is_reader), consumer_(std::move(consumer)) {}
    Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
      max = std::min(max, faulty_.fetch_most);
      const auto left = faulty_.readers_left();
      if (!is_reader_ || !left) return faulty_.with_headers(consumer_->fetch(max, wait_max));
      if (*left == 0) return std::vector<Delivery>{};
      auto fetched = consumer_->fetch(std::min(max, *left), wait_max);
      if (fetched) faulty_.silence_readers_after(*left - fetched->size());
      return fetched;
    }
    Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override {
      {
        const std::scoped_lock lock(faulty_.mutex_);
        if (const auto error = std::exchange(faulty_.settle_error_, std::nullopt)) return *error;
      }
      return consumer_->settle(ids, outcome);
    }
    Result<> reject(std::span<const DeliveryId> ids, Duration delay) override { return consumer_->reject(ids, delay); }
    Result<> extend(std::span<const DeliveryId> ids) override { return consumer_->extend(ids); }
    std::vector<Partition> assignment() const override { return consumer_->assignment(); }
    void wake() override { consumer_->wake(); }
    Result<> close(Duration wait_max) override { return consumer_->close(wait_max); }

   private:
    Faulty& faulty_;
    const bool is_reader_;
    std::unique_ptr<Consumer> consumer_;
  };

  Result<std::vector<Delivery>> with_headers(Result<std::vector<Delivery>> fetched) {
    const std::scoped_lock lock(mutex_);
    if (!fetched || headers_.empty()) return fetched;
    for (auto& one : *fetched) {
      auto kept =
          std::make_shared<std::pair<std::shared_ptr<const void>, Headers>>(one.owner, Headers(one.envelope.headers));
      for (const auto& [name, value] : headers_.view()) kept->second.set(name, value);
      one.envelope.headers = kept->second.view();
      one.owner = std::move(kept);
    }
    return fetched;
  }
  std::optional<std::size_t> readers_left() {
    const std::scoped_lock lock(mutex_);
    return readers_left_;
  }

  std::unique_ptr<Broker> broker_;
  std::mutex mutex_;
  std::optional<Error> settle_error_;
  std::optional<Error> groups_error_;
  bool hides_groups_ = false;
  Headers headers_;
  std::optional<std::size_t> readers_left_;
};

}  // namespace tidings::bridge
