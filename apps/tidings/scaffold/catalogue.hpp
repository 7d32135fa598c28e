#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "severity.hpp"
#include "tidings/base/result.hpp"

// What there is to choose from, as data: docs/scaffolding.md says how it is written.
namespace tidings::scaffold {

/// A file of a folder with capabilities: `outbox/capability.toml`.
struct SourceFile {
  std::string path;  ///< within its folder
  std::string text;
  std::string folder;  ///< stands before the path in messages
  [[nodiscard]] std::string where() const { return folder + path; }
};

/// What must be chosen beside, and what must not.
struct When {
  std::vector<std::string> all;
  std::vector<std::string> unless;
};

struct Template {
  std::string path;  ///< where it is written to; with `@domain/` and `<%name%>`
  std::string text;
  std::string where;  ///< for messages
  When when;
  bool executable = false;
};

/// How what others put into a slot is joined.
enum class SlotStyle {
  lines,   ///< one under the other
  sorted,  ///< each line once, in order
  blocks,  ///< with a blank line between
};
struct Slot {
  std::string file;
  std::string name;
  SlotStyle style = SlotStyle::lines;
};

/// Text for a slot in a file of another capability, or of its own.
struct Addition {
  std::string to;
  std::string slot;
  std::string text;
  std::string where;
  When when;
};

struct Suggestion {
  std::string capability;
  std::string reason;
};
struct Conflict {
  std::string capability;
  std::string reason;
  std::string way_out;
};

struct Capability {
  std::string name;
  std::string title;
  std::string category;
  std::string description;
  bool is_default = false;                  ///< in every new project, unless it is told otherwise
  std::vector<std::string> default_unless;  ///< those of which one in its place makes it no default
  bool hidden = false;                      ///< comes only with others that require it
  bool always = false;                      ///< in every project
  std::vector<std::string> requires_all;
  std::vector<std::vector<std::string>> requires_one_of;
  std::vector<Suggestion> suggests;
  std::vector<Conflict> conflicts;
  std::vector<std::string> debian;      ///< packages that building takes
  std::vector<std::string> components;  ///< of Tidings
  std::vector<Template> files;
  std::vector<Slot> slots;
  std::vector<Addition> additions;
  std::string where;
};

struct Category {
  std::string name;
  std::string title;
};

/// As `warnings.toml` has it: an error is `critical`.
[[nodiscard]] std::string_view to_text(Severity severity);

/// A combination that hurts in production.
struct WarningRule {
  std::string id;
  Severity severity = Severity::warning;
  std::vector<std::string> has_all, has_any, lacks_all, lacks_any;
  std::string happens;  ///< what can happen
  std::string what_to_do;
};

/// All of it. A value; nothing in it changes.
struct Catalogue {
  std::vector<Category> categories;  ///< in their order
  std::map<std::string, Capability, std::less<>> capabilities;
  std::vector<WarningRule> warnings;

  [[nodiscard]] const Capability* find(std::string_view name) const;
  /// By category, then name: the order in which they are shown, and in which they put text into slots.
  [[nodiscard]] std::vector<const Capability*> in_order() const;
  /// Of those that may be chosen.
  [[nodiscard]] std::vector<std::string> names() const;
};

/// Error `unknown_capability` (never), naming the nearest.
[[nodiscard]] Error unknown_capability(const Catalogue& catalogue, std::string_view name);

/// Files of one folder or several: `categories.toml`, `warnings.toml`, and for each capability `NAME/capability.toml`
/// and `NAME/files/…`, whose last name ends with `.mustache`. All of it is checked: keys, names, owners of files,
/// slots, tags of templates. Errors: `invalid_toml`, `invalid_capability` (never), with file and line.
[[nodiscard]] Result<Catalogue> make_catalogue(std::span<const SourceFile> files);

}  // namespace tidings::scaffold
