#pragma once

#include <exception>
#include <type_traits>
#include <utility>

#include "tidings/base/result.hpp"

namespace tidings {

/// What `call`, which runs functions of the program's user, returns, a `Result`, whatever it throws: the error of an
/// `ErrorException`, else `handler_threw` (same call).
template <class F>
std::invoke_result_t<F> guarded(F&& call) {
  try {
    return std::forward<F>(call)();
  } catch (const ErrorException& thrown) {
    return thrown.error();
  } catch (const std::exception& thrown) {
    return Error{"handler_threw", thrown.what(), Retry::same_call};
  } catch (...) {
    return Error{"handler_threw", "something that is no std::exception", Retry::same_call};
  }
}

}  // namespace tidings
