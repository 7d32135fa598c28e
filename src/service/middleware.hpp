#pragma once

#include <functional>
#include <string>
#include <vector>

#include "service/publications.hpp"
#include "tidings/base/guarded.hpp"
#include "tidings/service/detail/handler.hpp"
#include "tidings/service/middleware.hpp"

namespace tidings::service {

struct Middleware {
  std::string name;
  detail::RunMiddleware run;
};

/// Where one attempt stands in the middleware around it.
class MiddlewareCall final : public DeliveryCall {
 public:
  /// `handle` hands the items to the user's handler.
  MiddlewareCall(const std::vector<Middleware>& middleware, std::string_view name,
                 std::span<detail::Handler::Item> items, Publications& publications,
                 const std::function<Result<>()>& handle)
      : middleware_(middleware), name_(name), items_(items), publications_(publications), handle_(handle) {}

  [[nodiscard]] std::string_view handler() const override { return name_; }
  [[nodiscard]] std::size_t size() const override { return items_.size(); }
  [[nodiscard]] Context& context(std::size_t at) override { return *items_[at].context; }
  Result<> next() override;

 private:
  Result<> call_handler();

  const std::vector<Middleware>& middleware_;
  const std::string_view name_;
  const std::span<detail::Handler::Item> items_;
  Publications& publications_;
  const std::function<Result<>()>& handle_;
  std::size_t at_ = 0;
};

}  // namespace tidings::service
