#pragma once

#include <string>
#include <vector>

#include "tidings/broker/broker.hpp"
#include "tidings/event/context.hpp"
#include "tidings/event/trace_parent.hpp"
#include "tidings/store/transaction.hpp"

namespace tidings::service {

/// What publications need of the service.
class Publisher {
 public:
  virtual ~Publisher() = default;
  /// Seals what is to be encrypted. Errors: as of `Sealer::seal`.
  virtual Result<> seal(Envelope& event) = 0;
  /// Checks what a publish into `topic` would be refused for.
  virtual Result<> check(std::string_view topic, const EnvelopeView& event) = 0;
  virtual Clock& clock() = 0;
  virtual Entropy& entropy() = 0;
  /// Durably, into the topic as it is called in the service's namespace.
  virtual Result<> publish(std::string_view topic, std::span<const EnvelopeView> events) = 0;
  /// The same, once the transaction has been committed.
  virtual Result<> publish_with(Transaction& tx, std::string_view topic, std::span<const EnvelopeView> events) = 0;
  /// A reply is not published, for what its request says of where it goes: who asked gets none, and that is all.
  virtual void reply_refused(std::string_view topic, const Error& why) = 0;
};

/// What the handlers of one turn have published: kept until they have succeeded, then sent as one batch a topic, the
/// topics in the order of their first use. Used by one thread at a time.
class Publications final : public tidings::detail::Outlet {
 public:
  explicit Publications(Publisher& publisher) : publisher_(&publisher) {}

  Result<> publish(std::string_view topic, Envelope envelope) override;
  [[nodiscard]] bool can_delay() const override { return true; }
  Clock& clock() override { return publisher_->clock(); }
  Entropy& entropy() override { return publisher_->entropy(); }

  [[nodiscard]] bool empty() const { return batches_.empty(); }
  /// How much there is, before anything is sent: events of each topic. And takes back what has come since.
  [[nodiscard]] std::vector<std::size_t> mark() const;
  void roll_back(const std::vector<std::size_t>& mark);
  /// Where the next batch of those that have not been sent goes; empty without one.
  [[nodiscard]] std::string_view next_topic() const {
    return batches_.empty() ? std::string_view() : batches_.front().topic;
  }
  /// Sends what has not been sent. After an error the topics before it are not sent again.
  Result<> send();
  /// All of it leaves with the transaction. It is there still, as long as nobody clears it.
  Result<> write(Transaction& tx) const;
  void clear() { batches_.clear(); }
  /// They are of that span.
  void leave_in(const TraceParent& span) { span_ = span; }

 private:
  struct Batch {
    std::string topic;
    std::vector<Envelope> events;
    bool is_of_replies = false;
  };
  Publisher* publisher_;
  std::vector<Batch> batches_;
  TraceParent span_;
};

}  // namespace tidings::service
