#pragma once

#include <set>
#include <string>
#include <vector>

#include "scaffold/record.hpp"
#include "scaffold/render.hpp"
#include "scaffold/resolve.hpp"

namespace tidings::scaffold {

/// A project as it is to be: what it has, and every file of it.
struct Project {
  Record record;
  Resolution resolution;
  std::vector<GeneratedFile> files;  ///< without tidings.toml and .tidings/generated
};

/// Errors: those of `names_of`, `resolve` and `render`.
[[nodiscard]] Result<Project> make_project(const Catalogue& catalogue, std::string_view name, Layout layout,
                                           const std::set<std::string>& asked);

/// `.tidings/generated`: of each file that was generated the hash of what was, so that what a user changed is known.
inline constexpr const char* hashes_file = ".tidings/generated";
[[nodiscard]] std::string hashes_text(const std::vector<GeneratedFile>& files);
[[nodiscard]] std::string hash_of(std::string_view text);
/// By path. What is no line of it is left out.
[[nodiscard]] std::map<std::string, std::string, std::less<>> read_hashes(std::string_view text);

}  // namespace tidings::scaffold
