#pragma once

#include <memory>
#include <vector>

#include "bus/calling.hpp"
#include "bus/publishers.hpp"

namespace tidings::bus {

/// The middleware around one call of one handler: where in it the call stands.
class Chain {
 public:
  Chain(const std::vector<std::shared_ptr<Slot>>& middleware, Calling& calling, Slot& handler, Run run, void* callable,
        const void* event)
      : middleware_(middleware), calling_(calling), handler_(handler), run_(run), callable_(callable), event_(event) {}

  /// The next one that has not been ended, at last the handler.
  Result<> next();
  [[nodiscard]] Calling& calling() const { return calling_; }
  [[nodiscard]] Slot& handler() const { return handler_; }
  [[nodiscard]] bool handler_called() const { return handler_called_; }

 private:
  Result<> run_middleware(Slot& slot);
  Result<> run_handler();

  const std::vector<std::shared_ptr<Slot>>& middleware_;
  Calling& calling_;
  Slot& handler_;
  Run run_;
  void* callable_;
  const void* event_;
  std::size_t at_ = 0;
  bool handler_called_ = false;
};

}  // namespace tidings::bus
