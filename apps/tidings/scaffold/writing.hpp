#pragma once

#include <string>
#include <vector>

#include "scaffold/project.hpp"
#include "tidings/base/atomic_file.hpp"

namespace tidings::scaffold {

/// Writes a new project into `folder`, which must be missing or empty: all of it, or nothing, also where the disk gets
/// full or the process is killed (a folder `.NAME.tidings-new` beside may be left then, until the next time). In a
/// folder that was there and empty a part may be left, and is told then. One at a time in a folder. Errors:
/// `not_empty`, `busy` (same call), `io_error`, those of files.
[[nodiscard]] Result<> write_new(const Project& project, const std::string& folder);

/// Whether `write_new` would find the folder missing or empty. Error `not_empty`.
[[nodiscard]] Result<> check_new(const std::string& folder);

/// What `tidings add` would do to a project.
struct Changes {
  std::vector<GeneratedFile> written;   ///< new ones, and those that change
  std::vector<std::string> created;     ///< of these, paths that are new
  std::vector<std::string> merged;      ///< of these, paths of files that have changes of the user's too
  std::vector<std::string> removed;     ///< paths
  std::vector<std::string> disowned;    ///< paths: generated no more, and kept; from now on they are the user's own
  std::vector<std::string> in_the_way;  ///< differences, of files in which the user changed what would change, and
                                        ///< what is said of those that would go
  std::vector<std::string> missing;     ///< differences: what files that are kept have not of what comes
  std::string record;                   ///< the text of tidings.toml
  bool record_differs = false;
  std::string hashes;

  [[nodiscard]] bool is_nothing() const {
    return written.empty() && removed.empty() && disowned.empty() && !record_differs;
  }
};

/// Compares `project` with what is in `folder`, whose tidings.toml has `record_before`, and which was `before`. A file
/// that the user changed, or removed, and that would be as it was generated last, stays as the user has it; one that
/// would change gets what comes beside what the user did, where the two are of different lines. The files `kept` stay,
/// since the user has brought them up by hand; one of them that is generated no more is the user's own then. Reads
/// only. Errors: `invalid_choice` for one of `kept` that is no generated file, `leads_outside` where a folder on the
/// way to a file is a link out of the project, those of files.
[[nodiscard]] Result<Changes> compare_with(const std::string& folder, const Project& project, const Project& before,
                                           const std::string& record_before, const std::vector<std::string>& kept = {});

/// Writes them; each file whole. `asked` is what `tidings add` was told to add: it stands in the project while this
/// writes, and done again with it after a crash it goes on where it was.
[[nodiscard]] Result<> write_changes(const Changes& changes, const std::string& folder,
                                     const std::vector<std::string>& asked, AtomicFileOptions options = {});

/// Refuses where a `tidings add` of something that is not among `asked` was stopped in the middle: what it wrote would
/// be taken for the user's own, or stay beside a project that does not have it. Errors: `unfinished_add`, those of
/// files.
[[nodiscard]] Result<> check_finished(const std::string& folder, const std::vector<std::string>& asked);

}  // namespace tidings::scaffold
