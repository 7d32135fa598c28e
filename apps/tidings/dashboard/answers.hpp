#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "describe/json_tree.hpp"
#include "tidings/ops/http.hpp"

namespace tidings::cli {

/// 200 with the JSON, or the error with the status that fits its code.
[[nodiscard]] ops::HttpAnswer answer_of(Result<std::string> json);

/// What begins a stream of server-sent events, and one of them.
[[nodiscard]] ops::HttpAnswer event_stream();
[[nodiscard]] std::string stream_message(std::string_view event, const std::string& json);

/// So many rows an answer has at most, however many are asked for.
inline constexpr std::size_t rows_max = 500;

/// A text, number or boolean member of a request's body. Error `invalid_request` where it is missing and `must` be, or
/// is of another kind.
[[nodiscard]] Result<std::string> text_member(const JsonTree& body, std::string_view name, bool must = true);
/// `true` or `false`, and nothing that only looks like one: who writes `"true"` does not mean the opposite.
[[nodiscard]] Result<bool> flag_member(const JsonTree& body, std::string_view name, bool otherwise = false);
/// That each member is one of `known`, and stands there once: what is misspelt would be done otherwise than it was
/// meant. Error `invalid_request`.
[[nodiscard]] Result<> has_only(const JsonTree& body, std::span<const std::string_view> known);
/// A number of a query or a body. Error `invalid_request`.
[[nodiscard]] Result<std::uint64_t> whole_number(std::string_view name, const std::string& text,
                                                 std::optional<std::uint64_t> otherwise = {});
/// Error `invalid_time`.
[[nodiscard]] Result<std::optional<TimePoint>> time_of(const std::string& text);

}  // namespace tidings::cli
