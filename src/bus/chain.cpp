#include "bus/chain.hpp"

#include "bus/registry.hpp"

namespace tidings::bus {
namespace {

/// Puts back where the chain stood, so that middleware may call `next` again.
class Step {
 public:
  explicit Step(std::size_t& at) : at_(at), before_(at) {}
  ~Step() { at_ = before_; }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

 private:
  std::size_t& at_;
  std::size_t before_;
};

}  // namespace

Result<> Chain::next() {
  const Step step(at_);
  if (level == nullptr) return too_deep();  // in a publish: registered
  while (at_ < middleware_.size()) {
    auto& slot = *middleware_[at_++];
    Mark mark(*level);
    mark.enter(&slot);
    if (!slot.ended()) return run_middleware(slot);
  }
  return run_handler();
}

Result<> Chain::run_middleware(Slot& slot) {
  try {
    HandlerCall call(*this);
    return slot.middleware()(slot.callable(), call);
  } catch (...) {
    return error_of_exception();
  }
}

Result<> Chain::run_handler() {
  Mark mark(*level);
  mark.enter(&handler_);
  if (handler_.ended()) return {};
  handler_called_ = true;
  BusResult inner;
  auto* const before = calling_.redirect(&inner);
  try {
    run_(callable_, event_, &calling_);
  } catch (...) {
    inner.add_error(error_of_exception());
  }
  calling_.redirect(before);
  return inner.combined();
}

}  // namespace tidings::bus

namespace tidings {

const AnyEvent& HandlerCall::event() const {
  return chain_->calling().event();
}
std::string_view HandlerCall::handler() const {
  return chain_->handler().name();
}
Context& HandlerCall::context() {
  return chain_->calling().context(chain_->handler());
}
Result<> HandlerCall::next() {
  return chain_->next();
}

}  // namespace tidings
