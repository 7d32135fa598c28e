#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "scaffold/project.hpp"
#include "scaffold/sources.hpp"

namespace tidings::scaffold {

/// What the program was built with.
inline const Catalogue& catalogue() {
  static const auto made = load_catalogue({}).or_throw();
  return made;
}

/// A small one of a test's own: a base, and two categories `a` and `b`.
inline std::vector<SourceFile> small_files(std::vector<SourceFile> more = {}) {
  std::vector<SourceFile> files{
      {"categories.toml", "[[category]]\nname = \"a\"\ntitle = \"A\"\n[[category]]\nname = \"b\"\ntitle = \"B\"\n",
       "caps/"},
      {"base/capability.toml",
       "name = \"base\"\ntitle = \"Base\"\ncategory = \"a\"\ndescription = \"d\"\nalways = true\n"
       "[[slot]]\nfile = \"main.txt\"\nname = \"lines\"\n[[slot]]\nfile = \"main.txt\"\nname = \"sorted\"\nstyle = "
       "\"sorted\"\n",
       "caps/"},
      {"base/files/main.txt.mustache", "of <%name%>\n  <%slot.lines%>\n<%slot.sorted%>\nend\n", "caps/"}};
  files.insert(files.end(), more.begin(), more.end());
  return files;
}

inline SourceFile capability(const std::string& name, const std::string& rest, const std::string& category = "a") {
  return {name + "/capability.toml",
          "name = \"" + name + "\"\ntitle = \"T\"\ncategory = \"" + category + "\"\ndescription = \"d\"\n" + rest,
          "caps/"};
}

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "tidings-scaffold-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string in(const std::string& name) const { return (path_ / name).string(); }

  /// Every file below it, by path.
  [[nodiscard]] std::map<std::string, std::string> files(const std::string& below = "") const {
    std::map<std::string, std::string> found;
    const auto root = path_ / below;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      found[std::filesystem::relative(entry.path(), root).string()] = {std::istreambuf_iterator<char>(in), {}};
    }
    return found;
  }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace tidings::scaffold
