#include "scaffold/sources.hpp"

#include <algorithm>
#include <filesystem>

#include "project_file.hpp"
#include "scaffold/embedded.hpp"
#include "tidings/base/text.hpp"

namespace tidings::scaffold {

std::vector<SourceFile> embedded_files() {
  std::vector<SourceFile> files;
  for (const auto& [path, text] : embedded()) files.push_back({std::string(path), std::string(text), "capabilities/"});
  return files;
}

Result<std::vector<SourceFile>> files_of(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<SourceFile> files;
  std::error_code failed;
  if (!fs::is_directory(folder, failed))
    return Error{"not_found", "there is no folder of capabilities " + printable(folder)};
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const auto name = at->path().filename().string();
    const bool is_list = name == "capability.toml" || name == "categories.toml" || name == "warnings.toml";
    if (at->is_directory() && !at->is_symlink() && !is_list) continue;
    if (at->is_directory() && at->is_symlink())
      return Error{"invalid_capability", printable(at->path().string()) +
                                             " is a link to a folder, which is not followed; put the folder there"};
    auto text = read_project_file(at->path().string());
    if (!text) return text.error();
    files.push_back({fs::relative(at->path(), folder).generic_string(), *std::move(text), folder + "/"});
  }
  if (failed) return Error{"io_error", "cannot read " + printable(folder) + ": " + failed.message()};
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

Result<Catalogue> load_catalogue(const std::vector<std::string>& folders) {
  auto files = embedded_files();
  for (const auto& folder : folders) {
    auto more = files_of(folder);
    if (!more) return more.error();
    files.insert(files.end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
  }
  return make_catalogue(files);
}

}  // namespace tidings::scaffold
