#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "brokers/nats/api.hpp"
#include "brokers/nats/event_message.hpp"

namespace tidings::brokers::nats {

/// Reads a partition from an offset on, ahead of who takes: an ephemeral pull consumer without acknowledgements, which
/// this keeps alive. It waits for nothing: what it asks for comes to `come`.
///
/// Each pull ends by itself after some seconds, or with its last message, and the next is asked for then; the server
/// forgets pulls, and perhaps the consumer, with the connection. So wherever something is missing (an answer, a number
/// in the consumer's count, the consumer) a new consumer begins behind the last event that came, unless the stream is
/// another by then: one that was deleted and made anew gives its events the numbers of what is gone. Under its owner's
/// mutex.
class Feed {
 public:
  /// `deliver` is called with each message for this, without the owner's mutex, and calls `come` under it; `pause` as
  /// of `Link::listen`.
  Feed(Api& api, std::string stream, Link::Handler deliver, Link::Pause pause)
      : api_(api), stream_(std::move(stream)), deliver_(std::move(deliver)), pause_(std::move(pause)) {}
  ~Feed() { stop(); }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  /// From `next` on of the stream that was made at `created`, as `StreamInfo` has it; empty: there was none. Nullopt:
  /// of the one there is. What stood here is dropped.
  void start(std::uint64_t next, std::optional<std::string> created, SteadyTime now);
  void stop();
  /// A message that was sent to it.
  struct Incoming {
    std::shared_ptr<const Kept> event;  ///< or
    Message other;
  };
  /// Reads it. Takes no mutex.
  [[nodiscard]] static Incoming read(Message message);
  /// True: there is more to take.
  bool come(Incoming incoming, SteadyTime now);
  /// Mends what is missing, asks for more where there is room.
  void tick(SteadyTime now);
  /// When `tick` has something to do though nothing comes.
  [[nodiscard]] SteadyTime due() const {
    return state_ == State::stopped || state_ == State::another ? SteadyTime::max() : due_;
  }

  /// The events that came, in their order.
  [[nodiscard]] bool is_empty() const { return events_.empty(); }
  [[nodiscard]] const std::shared_ptr<const Kept>& front() const { return events_.front(); }
  void pop() { events_.pop_front(); }
  /// The stream is another than that which this began with: nothing comes before the next `start`.
  [[nodiscard]] bool is_of_another_stream() const { return state_ == State::another; }
  /// Of that other stream.
  [[nodiscard]] std::uint64_t earliest() const { return earliest_; }
  [[nodiscard]] static std::uint64_t offset_of(const Kept& event) { return event.at.sequence - 1; }

 private:
  enum class State { stopped, broken, asked, ready, another };

  void listen_anew();
  void ask(const std::string& subject, std::string_view tail, const std::string& request, SteadyTime now);
  void look(SteadyTime now);
  void come_info(const Message& message, SteadyTime now);
  void create(SteadyTime now);
  void break_off(SteadyTime now, Duration pause);
  void pull(SteadyTime now);

  Api& api_;
  const std::string stream_;
  const Link::Handler deliver_;
  const Link::Pause pause_;
  State state_ = State::stopped;
  SteadyTime due_{};
  std::string consumer_;
  std::uint64_t losses_ = 0;             // of the connection, when the consumer was made
  std::optional<std::string> created_;   // the stream
  std::uint64_t earliest_ = 0;           // where it is another
  std::uint64_t next_ = 0;               // the first offset that has not come
  std::uint64_t consumer_sequence_ = 0;  // of the last that came
  std::size_t wanted_ = 0;               // of the pull that is on its way, not come yet
  std::deque<std::shared_ptr<const Kept>> events_;
};

}  // namespace tidings::brokers::nats
