#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "scaffold/layout.hpp"
#include "tidings/base/result.hpp"

namespace tidings::scaffold {

inline constexpr const char* record_file = "tidings.toml";

/// What `tidings.toml` says of a project.
struct Record {
  std::string name;
  Layout layout = Layout::layered;
  std::vector<std::string> capabilities;            ///< all that it has
  std::size_t capabilities_line = 0;                ///< of their key; 0: there is none
  std::vector<std::string> implied;                 ///< those of them that nobody asked for
  std::map<std::string, std::string> acknowledged;  ///< warnings, each with the reason

  /// What was asked for: the rest follows from it.
  [[nodiscard]] std::set<std::string> asked() const;
};

/// Reads the text of a `tidings.toml`, called `file` in messages. The tables [check], of `tidings check`,
/// and [guarantees], of `tidings describe --verify`, are left alone. Error `invalid_record` (never), with file and
/// line.
[[nodiscard]] Result<Record> read_record(std::string_view text, const std::string& file);

/// The same of a `tidings.toml` that may be of no project of `tidings new`, and has settings of others alone: none of
/// the keys must be there, but those that are must be right.
[[nodiscard]] Result<Record> read_settings_record(std::string_view text, const std::string& file);

/// The text of a new one.
[[nodiscard]] std::string record_text(const Record& record);

/// `before` with the two lists of `record`, and all else, comments too, as it was. Of a list that has comments only
/// what is new is added, and what is gone taken out. Error `invalid_record` (never): the text is none of a record, or
/// would not be one that says so, and nothing else than before.
[[nodiscard]] Result<std::string> with_lists_of(const std::string& before, const Record& record);

}  // namespace tidings::scaffold
