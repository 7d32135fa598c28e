#include <atomic>
#include <stdexcept>

#include "broker_clients/contender.hpp"
#include "tidings/brokers/open.hpp"

namespace bench::brokers {
namespace {

using namespace std::chrono_literals;

class TidingsReceiver final : public Receiver {
 public:
  explicit TidingsReceiver(std::unique_ptr<tidings::Consumer> consumer) : consumer_(std::move(consumer)) {}

  std::size_t take(std::size_t max, const Came& came) override {
    const auto deliveries = consumer_->fetch(max, 5s);
    if (!deliveries || deliveries->empty()) return 0;
    ids_.clear();
    for (const auto& delivery : *deliveries) {
      if (delivery.envelope.id.empty() || delivery.envelope.type != Events::type) return 0;
      came(Events::number_of(delivery.envelope.payload));
      ids_.push_back(delivery.id);
    }
    return consumer_->settle(ids_) ? ids_.size() : 0;
  }

 private:
  const std::unique_ptr<tidings::Consumer> consumer_;
  std::vector<tidings::DeliveryId> ids_;
};

class TidingsContender final : public Contender {
 public:
  explicit TidingsContender(const std::string& url)
      : broker_(tidings::open_broker(url, {.log = &tidings::stderr_log(tidings::LogLevel::error)}).or_throw()) {}

  std::uint64_t publish(const std::string& topic, Events& events, std::uint64_t count, std::size_t window) override {
    std::atomic<std::uint64_t> stored = 0;
    {
      const auto publisher = broker_->publisher(topic, {.window = window}).or_throw();
      for (std::uint64_t number = 0; number < count; ++number) {
        const auto view = Events::view(events.next(number));
        const auto accepted = publisher->publish({&view, 1}, [&](const auto& places) {
          if (places && !places->front().is_duplicate) stored.fetch_add(1, std::memory_order_relaxed);
        });
        if (!accepted) return 0;
      }
      if (!publisher->flush()) return 0;
    }
    return stored;
  }

  bool publish_one(const std::string& topic, const Events::Event& event) override {
    const auto view = Events::view(event);
    const auto places = broker_->publish(topic, {&view, 1});
    return places && !places->front().is_duplicate;
  }

  std::unique_ptr<Receiver> receive(const std::string& topic, const std::string& group, bool) override {
    return std::make_unique<TidingsReceiver>(
        broker_->subscribe(topic, {.group = group, .create_topic = false}).or_throw());
  }

 private:
  const std::unique_ptr<tidings::Broker> broker_;
};

}  // namespace

std::unique_ptr<Contender> tidings_contender(const std::string& url) {
  return std::make_unique<TidingsContender>(url);
}

}  // namespace bench::brokers
