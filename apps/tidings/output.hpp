#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "tidings/brokers/open.hpp"

namespace tidings::cli {

/// `tidings: code: message` on standard error.
void complain(const Error& error);
void complain(std::string_view line);

/// All of `text` to standard output at once. Errors: `closed_pipe` (who reads is gone), `disk_full`, `io_error`.
[[nodiscard]] Result<> write_out(std::string_view text);
/// For commands whose output ends with them: 0, or 1 with a complaint; a closed pipe is no failure.
[[nodiscard]] int print(std::string_view text);

/// Rows under a heading, in columns two blanks apart; columns that begin with '>' stand to the right.
[[nodiscard]] std::string table(const std::vector<std::string>& heading,
                                const std::vector<std::vector<std::string>>& rows);

/// Opens the broker that `common` names, with its warnings on standard error. `may_create`: also topics, and the log's
/// directory.
[[nodiscard]] Result<std::unique_ptr<Broker>> open(const Common& common, bool may_create);

/// The name as the broker has it, in the namespace.
[[nodiscard]] std::string named(const Common& common, std::string_view name);
/// The name as the user has it; empty where it belongs to another namespace.
[[nodiscard]] std::string unnamed(const Common& common, std::string_view name);

}  // namespace tidings::cli
