#pragma once

#include <string>
#include <vector>

#include "scaffold/catalogue.hpp"

namespace tidings::scaffold {

/// The capabilities that this program was built with.
[[nodiscard]] std::vector<SourceFile> embedded_files();

/// The files of a folder of the user's own, in the order of their paths. Errors: `not_found`, `io_error`.
[[nodiscard]] Result<std::vector<SourceFile>> files_of(const std::string& folder);

/// What is embedded, and what stands in the folders.
[[nodiscard]] Result<Catalogue> load_catalogue(const std::vector<std::string>& folders);

}  // namespace tidings::scaffold
