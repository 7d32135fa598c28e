#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidings/base/clock.hpp"
#include "tidings/base/verdict.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/saga/definition.hpp"
#include "tidings/saga/instance.hpp"

/// Tests of sagas, without a broker or a database, in virtual time: given these events, when one comes or time passes,
/// then these are sent.
///
///     saga::Trial trial(checkout);
///     EXPECT_TRUE(trial.given(OrderPlaced{…}).when(StockReserved{…}).then(ChargePayment{…}));
///     EXPECT_TRUE(trial.after(31s).then(ChargePayment{…}));       // again, and nobody has answered
namespace tidings::saga {

/// One instance of a saga, from its first event on. For one thread.
class Trial {
 public:
  /// A definition that is wrong is told by the first `then`.
  explicit Trial(Definition definition);

  /// These have come, and what they set off is not looked at.
  template <class... Events>
  Trial& given(const Events&... events) {
    (arrive(events), ...);
    sent_.clear();
    return *this;
  }
  /// This one comes now.
  template <class Event>
  Trial& when(const Event& event) {
    sent_.clear();
    arrive(event);
    return *this;
  }
  /// So much time passes; what is due in it happens in its order.
  Trial& after(Duration wait);
  /// Somebody does that. Before its first event there is nothing to steer: `unknown_saga`.
  Trial& steer(Steering steering);

  /// What came last had these sent, in this order, and nothing else; none: nothing. They are compared by their JSON.
  template <class... Events>
  [[nodiscard]] Verdict then(const Events&... events) const {
    std::vector<Sent> wanted;
    (wanted.push_back({std::string(event_name<Events>()), json_of(events), {}}), ...);
    return compare(wanted);
  }
  /// What came last was refused, and changed nothing.
  [[nodiscard]] Verdict then_fails(std::string_view code) const;

  [[nodiscard]] const Instance& instance() const { return instance_; }
  [[nodiscard]] Status status() const { return instance_.status; }
  /// `waiting` where there is no such step.
  [[nodiscard]] StepStatus step(std::string_view name) const;
  template <class State>
  [[nodiscard]] Result<State> state() const {
    return JsonCodec::decode<State>(instance_.state);
  }
  [[nodiscard]] const std::vector<Note>& history() const { return notes_; }
  /// Ids of what came last had sent.
  [[nodiscard]] std::vector<std::string> ids() const;

 private:
  struct Sent {
    std::string type;
    std::string json;
    std::string id;
  };
  struct Waiting {
    std::int64_t token;
    TimePoint due;
  };

  template <class Event>
  static std::string json_of(const Event& event) {
    std::string json;
    auto written = JsonCodec::encode(event, json);
    return written ? json : to_string(written.error());
  }
  template <class Event>
  void arrive(const Event& event) {
    auto envelope = make_envelope(event, {.source = "trial", .clock = &clock_});
    if (envelope)
      arrive(envelope->view());
    else
      last_ = envelope.error();
  }
  void arrive(const EnvelopeView& event);
  [[nodiscard]] Verdict compare(const std::vector<Sent>& wanted) const;
  struct Taking;

  Definition definition_;
  ManualClock clock_;
  Instance instance_;
  Result<> last_;  // what came last
  std::vector<Sent> sent_;
  std::vector<Note> notes_;
  std::map<std::pair<std::string, int>, Waiting> timers_;  // by step and kind
};

}  // namespace tidings::saga
