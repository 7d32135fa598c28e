#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::cli {

/// Which dead letters the options mean. Errors `invalid_duration`, `invalid_time`.
[[nodiscard]] Result<DeadLetterRequest> request_of(const DeadLetterArguments& arguments);
/// Whether they name any.
[[nodiscard]] bool says_which(const DeadLetterArguments& arguments);

/// The groups of the namespace of which anything was ever parked, or `only`, if it is one. Error `unknown_group`.
[[nodiscard]] Result<std::vector<std::string>> groups_with_letters(Broker& broker, const Common& common,
                                                                   const std::string& only);

/// `1 event`, `2 events`.
[[nodiscard]] std::string how_many(std::uint64_t count, std::string_view what);

}  // namespace tidings::cli
