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
  static constexpr bool in_transaction = std::invocable<F&, const EnvelopeView&, Context&, Transaction&>;

 public:
  AnyHandler(std::vector<std::string> topics, F function) : topics_(std::move(topics)), function_(std::move(function)) {
    kinds_.reserve(topics_.size());
    for (const auto& topic : topics_)
      kinds_.push_back({.topic = topic, .identity = this, .ordered = true, .named = true, .cpp_type = "any event"});
  }
  [[nodiscard]] std::span<const EventKind> kinds() const override { return kinds_; }
  [[nodiscard]] bool takes_batches() const override { return false; }
  [[nodiscard]] bool takes_transaction() const override { return in_transaction; }
  [[nodiscard]] bool decodes() const override { return false; }

  Result<> handle(std::span<Item> items, [[maybe_unused]] Transaction* transaction) override {
    for (auto& item : items) {
      Result<> result;
      if constexpr (in_transaction)
        result = tidings::detail::call(function_, *item.envelope, *item.context, *transaction);
      else
        result = tidings::detail::call(function_, *item.envelope, *item.context);
      if (!result) return result;
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
  constexpr bool in_transaction = std::invocable<F&, const EnvelopeView&, Context&, Transaction&>;
  constexpr bool callable = in_transaction || std::invocable<F&, const EnvelopeView&, Context&>;
  static_assert(
      callable,
      "tidings: a handler of any event takes (const EnvelopeView&, Context&), and a Transaction& behind these "
      "if it wants one");
  if constexpr (callable) {
    constexpr bool outcome = [] {
      if constexpr (in_transaction)
        return tidings::detail::is_outcome<std::invoke_result_t<F&, const EnvelopeView&, Context&, Transaction&>>;
      else
        return tidings::detail::is_outcome<std::invoke_result_t<F&, const EnvelopeView&, Context&>>;
    }();
    static_assert(outcome,
                  "tidings: a handler returns void or tidings::Result<>; what else it returns would be dropped");
    if constexpr (outcome) return std::make_unique<AnyHandler<F>>(std::move(topics), F(std::forward<Given>(given)));
  }
  return nullptr;
}

}  // namespace tidings::service::detail
