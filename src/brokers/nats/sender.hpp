#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "brokers/nats/api.hpp"
#include "brokers/nats/topic.hpp"
#include "tidings/broker/routing.hpp"

namespace tidings::brokers::nats {

/// Publishes to a topic's streams, many events on their way at once, and in order within a partition whatever fails.
/// Thread-safe.
///
/// An event that is sent while another of its partition is not acknowledged yet carries that one's id as
/// `Nats-Expected-Last-Msg-Id`: the server stores it right behind that one, or not at all. So where one is lost, or
/// refused, or another publisher's event stands between, all behind it are refused too; when every answer has come, or
/// is given up, they are sent again in their order, under their ids, by which the server knows those that it has.
class Sender : public std::enable_shared_from_this<Sender> {
 public:
  /// One publish. Its events are copied.
  class Call {
   public:
    explicit Call(SteadyTime until) : until_(until) {}

   private:
    friend class Sender;
    const SteadyTime until_;
    Routing routing_;
    std::size_t open_ = 0;          // events that are not stored yet
    bool may_be_written_ = false;   // some event was, or was sent, and no answer came
    std::optional<Error> error_;    // it has failed
    std::optional<Error> trouble_;  // what the server said last
  };

  static std::shared_ptr<Sender> make(std::shared_ptr<Link> link, std::shared_ptr<Topic> topic);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// Checks the events and hands them over, without waiting. Errors `invalid_event`, `too_large`, `invalid_options`.
  Result<std::shared_ptr<Call>> begin(std::span<const EnvelopeView> events, const PublishOptions& options);
  /// Waits for the acknowledgements, by the call's deadline. Errors: those of `Broker::publish`.
  Result<std::vector<Published>> finish(const std::shared_ptr<Call>& call);
  /// Ends what waits: `closed`.
  void close();

 private:
  struct Item {
    Message message;
    std::string id;              // as it stands in the header
    std::shared_ptr<Call> call;  // none: given up, and only its answer is awaited
    std::size_t index = 0;       // among the call's events
    std::uint64_t number = 0;
    std::size_t bytes = 0;
    bool is_sent = false;  // and not answered
    SteadyTime answer_until{};
  };
  /// The events on their way to one partition, oldest first; those that are sent stand in front.
  struct Lane {
    std::deque<Item> items;
    std::size_t sent = 0;
    std::size_t bytes_sent = 0;
    bool is_halted = false;   // something failed: nothing more until all that was sent is answered, or given up
    SteadyTime not_before{};  // of the next try

    [[nodiscard]] std::optional<SteadyTime> answers_due() const;
  };

  Sender(std::shared_ptr<Link> link, std::shared_ptr<Topic> topic);
  void answered(const Message& message);
  void all_answered();
  void no_longer_sent(Lane& lane, Item& item);
  void refused(Lane& lane, Item& item, Error error);
  void give_up_answers(Lane& lane);
  void pump(std::uint32_t partition, SteadyTime now);
  void tick(SteadyTime now);
  void connection_changed();
  void end(std::shared_ptr<Call> call, Error error);
  [[nodiscard]] Error late(const Call& call) const;
  [[nodiscard]] SteadyTime next_due() const;

  const std::shared_ptr<Link> link_;
  const std::shared_ptr<Topic> topic_;
  const std::string token_;
  std::uint64_t watch_ = 0;
  std::mutex begin_mutex_;  // numbers and lanes have one order; taken before mutex_
  std::uint64_t numbers_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Lane> lanes_;
  std::uint64_t losses_ = 0;
  bool is_closed_ = false;
};

}  // namespace tidings::brokers::nats
