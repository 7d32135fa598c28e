#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "tidings/base/harmless_json.hpp"
#include "tidings/brokers/open.hpp"

namespace tidings::cli {

/// `tidings: code: message` on standard error.
void complain(const Error& error);
void complain(std::string_view line);
/// Complains, and gives the exit status: 2 where the command line alone is wrong (a name, a URL, an option's value).
[[nodiscard]] int fail(const Error& error);

/// All of `text` to standard output at once. Errors: `closed_pipe` (who reads is gone), `interrupted` (a signal came
/// while nobody read), `disk_full`, `io_error`.
[[nodiscard]] Result<> write_out(std::string_view text);
/// For commands whose output ends with them: 0, or 1 with a complaint; a closed pipe is no failure.
[[nodiscard]] int print(std::string_view text);
/// Whether standard output is a pipe that nobody reads any more.
[[nodiscard]] bool is_output_closed();

/// Rows under a heading, in columns two blanks apart; columns that begin with '>' stand to the right. Cells without
/// a heading are left out.
[[nodiscard]] std::string table(const std::vector<std::string>& heading,
                                const std::vector<std::vector<std::string>>& rows);

/// The namespace, and where they are not empty the topic and the group in it. Error `invalid_name`.
[[nodiscard]] Result<> check_names(const Common& common, std::string_view topic, std::string_view group = {});

/// Whether a command can do anything with the broker of that URL; opens nothing, and makes nothing. Errors:
/// `invalid_url`, `unknown_broker`.
[[nodiscard]] Result<> check_broker(std::string_view url);

/// Opens the broker that `common` names, with its warnings on standard error. `may_create`: also topics, and the log's
/// directory.
[[nodiscard]] Result<std::unique_ptr<Broker>> open(const Common& common, bool may_create);

/// The name as the broker has it, in the namespace.
[[nodiscard]] std::string named(const Common& common, std::string_view name);
/// The name as the user has it; empty where it belongs to another namespace.
[[nodiscard]] std::string unnamed(const Common& common, std::string_view name);

}  // namespace tidings::cli
