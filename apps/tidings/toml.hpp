#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/result.hpp"

// What the CLI reads of TOML: projects' records and settings, capabilities.
namespace tidings {

/// A value of a TOML file, with the line where it stands. Tables keep their members sorted by name.
struct Toml {
  struct Member;
  enum class Kind { text, whole, boolean, array, table, other };
  Kind kind = Kind::other;
  std::string text;
  std::int64_t whole = 0;
  bool truth = false;
  std::vector<Toml> items;      ///< of an array
  std::vector<Member> members;  ///< of a table
  std::size_t line = 0;         ///< from 1; of a member that of its key
  /// Where it stands in the text, in bytes, up to before `end`. Of tables nothing is said.
  std::size_t begin = 0, end = 0;

  /// The member of a table; null: there is none.
  [[nodiscard]] const Toml* find(std::string_view name) const;
};
struct Toml::Member {
  std::string name;
  Toml value;
};

/// `file` stands in messages. Error `invalid_toml` (never), whose message begins with `FILE:LINE`.
[[nodiscard]] Result<Toml> parse_toml(std::string_view text, const std::string& file);

/// Reads a table whose keys are known. What is wrong is kept until `finish`, the first of it.
class TomlReader {
 public:
  /// `table` is borrowed. `what` names the table in messages: `capability`.
  TomlReader(const Toml& table, std::string file, std::string what);

  [[nodiscard]] std::string text(std::string_view key);  ///< must be there, and not empty
  [[nodiscard]] std::string text_or(std::string_view key, std::string_view fallback);
  [[nodiscard]] bool truth(std::string_view key);                                   ///< false where it is left out
  [[nodiscard]] std::vector<std::string> texts(std::string_view key);               ///< none where it is left out
  [[nodiscard]] std::vector<const Toml*> tables(std::string_view key);              ///< likewise
  [[nodiscard]] std::vector<std::vector<std::string>> lists(std::string_view key);  ///< likewise
  void whole(std::string_view key, std::int64_t only);                              ///< must be there, and this

  /// The key may be there; who calls reads it.
  void know(std::string_view key) { known_.emplace_back(key); }
  /// Takes what is wrong from a reader of a table within this one.
  void take(const Result<>& inner);
  void wrong(std::size_t line, const std::string& why);
  /// Error `invalid_toml`: the first thing that was wrong, a key that nobody asked for among them.
  [[nodiscard]] Result<> finish();

 private:
  const Toml* find(std::string_view key, Toml::Kind kind, std::string_view kind_text);

  const Toml& table_;
  std::string file_;
  std::string what_;
  std::vector<std::string> known_;
  Result<> first_;
};

}  // namespace tidings
