#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/base/verdict.hpp"

/// What an aggregate has raised, as tests compare it.
namespace tidings::aggregate::detail {

/// An event as it is compared and shown.
struct RaisedEvent {
  std::string type;
  std::string json;
  std::string key;
};

/// Whether what was raised by what had this result is what was wanted, in that order.
[[nodiscard]] Verdict compare(const Result<>& result, std::string_view id, const std::vector<RaisedEvent>& wanted,
                              const std::vector<RaisedEvent>& raised);
/// Whether it was refused with that code, and nothing was raised.
[[nodiscard]] Verdict compare_refusal(const Result<>& result, std::string_view code,
                                      const std::vector<RaisedEvent>& raised);

}  // namespace tidings::aggregate::detail
