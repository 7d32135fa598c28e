#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "describe/flow.hpp"

namespace tidings::cli {

/// What a project wants of one way: `[guarantees] "orders -> analytics.count-revenue" = {loss = "none", order = "key",
/// duplicates = ["redelivery"]}`. What is not named is not asked for.
struct Declared {
  /// What may be: nothing, these causes, or whatever comes.
  struct Wish {
    bool is_any = true;
    std::vector<std::string> causes;
  };
  std::string topic;
  std::string group;
  Wish loss;
  Wish duplicates;
  Wish order;
  std::size_t line = 0;
};

/// Of the text of a `tidings.toml`, called `file` in messages. Error `invalid_guarantees` (never), with file and line.
[[nodiscard]] Result<std::vector<Declared>> read_declared(std::string_view text, const std::string& file);

/// What is computed to be weaker than declared, and what is declared of ways that are not there; a paragraph each, with
/// the reason and what to change. Empty: all of it holds.
[[nodiscard]] std::vector<std::string> weaker_than_declared(const Flow& flow, const std::vector<Declared>& declared,
                                                            const std::string& file);

}  // namespace tidings::cli
