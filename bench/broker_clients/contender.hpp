#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "random.hpp"
#include "tidings/event/envelope.hpp"

// Who is measured by the brokers' benchmark: Tidings, and the bare client of the same server. All publish the same
// bytes, with the same guarantees, to the same topic, which has one partition and was created by Tidings.
namespace bench::brokers {

/// Events of one size, each with an id of its own, over all runs; their number stands in the payload's first bytes.
class Events {
 public:
  static constexpr std::string_view type = "bench.Event";
  static constexpr std::string_view source = "bench";
  static constexpr std::string_view content_type = "application/octet-stream";
  static constexpr std::string_view time_text = "2026-11-26T10:00:00Z";

  Events(std::size_t payload_bytes, std::uint64_t seed);

  struct Event {
    std::string id;
    std::string key;
    std::string payload;
  };
  /// The next one. Valid until the next call.
  const Event& next(std::uint64_t number);
  [[nodiscard]] static tidings::EnvelopeView view(const Event& event);
  /// Whether what came is one of these, and all of it came.
  [[nodiscard]] bool is_one(const tidings::EnvelopeView& event) const;
  [[nodiscard]] static std::uint64_t number_of(std::string_view payload);

 private:
  std::uint64_t made_ = 0;
  std::vector<std::string> keys_;
  Event event_;
};

/// Called with each event that came: its number.
using Came = std::function<void(std::uint64_t number)>;

/// A member of a group, which begins at the topic's first event. For one thread.
class Receiver {
 public:
  virtual ~Receiver() = default;
  /// Waits for the next, at most `max` of them, then makes them count as handled, for good. How many; 0 where none came
  /// for seconds, or something failed.
  virtual std::size_t take(std::size_t max, const Came& came) = 0;
};

class Contender {
 public:
  virtual ~Contender() = default;
  /// Publishes so many, at most `window` of them not acknowledged. How many were acknowledged.
  virtual std::uint64_t publish(const std::string& topic, Events& events, std::uint64_t count, std::size_t window) = 0;
  /// Publishes one, and waits for its acknowledgement.
  virtual bool publish_one(const std::string& topic, const Events::Event& event) = 0;
  /// `one_at_a_time`: events are to be taken as they come.
  virtual std::unique_ptr<Receiver> receive(const std::string& topic, const std::string& group, bool one_at_a_time) = 0;
};

/// Through the public interface.
[[nodiscard]] std::unique_ptr<Contender> tidings_contender(const std::string& url);
/// As who knows libnats writes it: `js_PublishMsgAsync`, each naming the one before it, so that nothing overtakes; a
/// durable pull consumer, of which the last event of a batch is acknowledged for all of it, and that is waited for.
[[nodiscard]] std::unique_ptr<Contender> bare_nats(const std::string& url);
/// As who knows librdkafka writes it: an idempotent producer with its callback; a consumer that is polled, offsets that
/// are stored, and committed at the end of a batch.
[[nodiscard]] std::unique_ptr<Contender> bare_kafka(const std::string& servers);

}  // namespace bench::brokers
