#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidings/event/context.hpp"
#include "tidings/event/detail/handler_shape.hpp"
#include "tidings/service/detail/handler.hpp"

namespace tidings::service::detail {

/// A handler of whatever comes on its topics, undecoded.
template <class F>
class AnyHandler final : public Handler {
 public:
  AnyHandler(std::vector<std::string> topics, F function) : topics_(std::move(topics)), function_(std::move(function)) {
    kinds_.reserve(topics_.size());
    for (const auto& topic : topics_)
      kinds_.push_back({.topic = topic, .identity = this, .ordered = true, .named = true, .cpp_type = "any event"});
  }
  [[nodiscard]] std::span<const EventKind> kinds() const override { return kinds_; }
  [[nodiscard]] bool takes_batches() const override { return false; }
  [[nodiscard]] bool decodes() const override { return false; }

  Result<> handle(std::span<Item> items, Transaction*) override {
    for (auto& item : items) {
      if constexpr (std::is_void_v<std::invoke_result_t<F&, const EnvelopeView&, Context&>>)
        function_(*item.envelope, *item.context);
      else if (Result<> result = function_(*item.envelope, *item.context); !result)
        return result;
    }
    return {};
  }

 private:
  const std::vector<std::string> topics_;
  F function_;
  std::vector<EventKind> kinds_;
};

template <class Given>
std::unique_ptr<Handler> make_any(std::vector<std::string> topics, Given&& given) {
  using F = std::decay_t<Given>;
  constexpr bool callable = std::invocable<F&, const EnvelopeView&, Context&>;
  static_assert(callable, "tidings: a handler of any event takes (const EnvelopeView&, Context&)");
  if constexpr (callable) {
    constexpr bool outcome = tidings::detail::is_outcome<std::invoke_result_t<F&, const EnvelopeView&, Context&>>;
    static_assert(outcome,
                  "tidings: a handler returns void or tidings::Result<>; what else it returns would be dropped");
    if constexpr (outcome) return std::make_unique<AnyHandler<F>>(std::move(topics), F(std::forward<Given>(given)));
  }
  return nullptr;
}

}  // namespace tidings::service::detail
