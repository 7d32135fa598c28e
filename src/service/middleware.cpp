#include "service/middleware.hpp"

namespace tidings::service {

Result<> MiddlewareCall::next() {
  if (at_ == middleware_.size()) return call_handler();
  const auto& one = middleware_[at_++];
  auto result = guarded([&] { return one.run(*this); });
  --at_;  // it may be called again
  return result;
}

Result<> MiddlewareCall::call_handler() {
  const auto before = publications_.mark();
  for (auto& item : items_) {
    item.undecodable.reset();
    item.is_behind = false;
  }
  auto result = handle_();
  if (!result) publications_.roll_back(before);
  // Of a batch the others were handled.
  if (result && items_.size() == 1 && items_[0].undecodable) return *items_[0].undecodable;
  return result;
}

}  // namespace tidings::service
