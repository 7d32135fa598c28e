#include "service/overruns.hpp"

#include "tidings/broker/in_flight.hpp"

namespace tidings::service {

Overruns::Attempt::Attempt(Overruns& overruns, const Task& task)
    : overruns_(overruns), task_(task), token_(overruns.service_stop_) {
  if (overruns.deadline_ <= Duration::zero()) return;
  source_ = std::stop_source();
  token_ = source_.get_token();
  until_ = deadline_after(overruns.clock_.steady_now(), overruns.deadline_);
  link_.emplace(overruns.service_stop_, Link{this});
  const std::scoped_lock lock(overruns.mutex_);
  place_ = overruns.running_.insert(overruns.running_.end(), this);
}

Overruns::Attempt::~Attempt() {
  if (!link_) return;
  link_.reset();
  const std::scoped_lock lock(overruns_.mutex_);
  overruns_.running_.erase(place_);
}

void Overruns::check(const std::function<void(const Task&)>& tell) {
  if (deadline_ <= Duration::zero()) return;
  const auto now = clock_.steady_now();
  std::vector<std::stop_source> overdue;
  {
    const std::scoped_lock lock(mutex_);  // so that none of them ends meanwhile
    for (auto* attempt : running_) {
      if (attempt->told_ || now < attempt->until_) continue;
      attempt->told_ = true;
      ++counted_;
      overdue.push_back(attempt->source_);
      tell(attempt->task_);
    }
  }
  // What the user has hung on it is called here, and may wait for an attempt to end.
  for (auto& source : overdue) source.request_stop();
}

}  // namespace tidings::service
