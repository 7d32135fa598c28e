#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "saga/machine.hpp"

namespace tidings::saga {

/// One transition of one instance while it is made.
class Move {
 public:
  Move(const Plan& plan, const Instance& instance, const Moment& moment);

  /// From what comes the cause of all that is sent and noted.
  void caused_by(const EnvelopeView& event);
  void caused_by(std::string_view id, std::string_view type);

  Result<> begin(const EnvelopeView& event);
  Result<> take(const EnvelopeView& event);
  Result<> fire(const Timer& timer);
  Result<> resume();
  Result<> compensate();

  /// Errors: what writing the state says.
  Result<Transition> end() &&;

 private:
  [[nodiscard]] StepProgress& progress(std::size_t step) { return out_.instance.steps[step]; }
  [[nodiscard]] const std::vector<std::size_t>& stage() const;
  [[nodiscard]] bool is_in_stage() const;
  [[nodiscard]] bool any_of_stage(std::initializer_list<StepStatus> statuses) const;
  [[nodiscard]] bool can_go_back() const;
  [[nodiscard]] bool took_effect(std::size_t step) const;

  /// When so long will be over: a wait that goes beyond the end of all time, at that.
  [[nodiscard]] TimePoint after(Duration wait) const;

  Result<> load_state();
  Result<> react(const Source& source, const EnvelopeView& event);
  /// False: the state has none to send.
  Result<bool> publish(const Sender& sender, std::string id, std::string_view cause);

  Result<> advance();
  Result<> go_back();
  Result<> begin_step(std::size_t step);
  Result<> begin_undo(std::size_t step);
  /// Also again, under the same id. False: there is no command.
  Result<bool> send(std::size_t step, bool undo);
  Result<> begin_compensation(std::string why);
  Result<> finish(Status status, const std::vector<Sender>& events);
  void stick(std::string_view step, std::string why);

  /// Whether the event is an answer that some step waits for, and what comes of it.
  Result<bool> answer(const EnvelopeView& event);
  Result<> answered(std::size_t step, bool is_done, const Source& source, const EnvelopeView& event);
  Result<> time_out(std::size_t step);
  Result<> remind(std::size_t step);
  Result<> overdue();

  void clear_timers(std::size_t step);
  void note(std::string_view what, std::string_view step = {}, std::string text = {});

  const Plan& plan_;
  const Moment& moment_;
  std::shared_ptr<void> state_;
  std::string cause_id_;
  std::string cause_type_;
  std::string trace_parent_;
  Transition out_;
};

}  // namespace tidings::saga
