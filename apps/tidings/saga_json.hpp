#pragma once

#include <string>

#include "json_line.hpp"
#include "tidings/saga/inspect.hpp"

namespace tidings::cli {

/// Why it is as it is. What one that has come through was stuck at meanwhile is in its history.
[[nodiscard]] std::string why_of(const saga::Instance& instance);
/// Its status, or `unreadable`.
[[nodiscard]] std::string_view status_of(const saga::Instance& instance);
/// The steps whose answers it waits for, `a, b`.
[[nodiscard]] std::string open_steps(const saga::Instance& instance);
/// What it waits for, or what is in its way.
[[nodiscard]] std::string stands_at(const saga::Instance& instance);
/// Its state as it may be shown: masked where its class says so, unless `shows_redacted`.
[[nodiscard]] std::string shown_state(const saga::Instance& instance, bool shows_redacted);
[[nodiscard]] JsonLine saga_json(const saga::Instance& instance, bool shows_redacted);
/// Error `invalid_status`. None where the word is empty.
[[nodiscard]] Result<std::optional<saga::Status>> saga_status(const std::string& word);

}  // namespace tidings::cli
