#include "scaffold/project.hpp"

#include <array>
#include <charconv>

#include "scaffold/contains.hpp"
#include "scaffold/neat.hpp"
#include "tidings/base/key_hash.hpp"

namespace tidings::scaffold {

Result<Project> make_project(const Catalogue& catalogue, std::string_view name, Layout layout,
                             const std::set<std::string>& asked) {
  auto names = names_of(name);
  if (!names) return names.error();
  auto resolution = resolve(catalogue, asked);
  if (!resolution) return resolution.error();
  Project project;
  project.record.name = name;
  project.record.layout = layout;
  project.record.capabilities = resolution->shown(catalogue);
  for (const auto& one : project.record.capabilities)
    if (!asked.contains(one)) project.record.implied.push_back(one);
  auto files = render(catalogue, {.names = *std::move(names), .layout = layout, .capabilities = resolution->all});
  if (!files) return files.error();
  project.files = *std::move(files);
  project.resolution = *std::move(resolution);
  return project;
}

std::string hash_of(std::string_view text) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), key_hash(text), 16).ptr;
  const std::string hex(digits.data(), end);
  return std::string(digits.size() - hex.size(), '0') + hex;
}

std::string hashes_text(const std::vector<GeneratedFile>& files) {
  std::string out =
      "# What 'tidings new' and 'tidings add' wrote, so that 'add' knows what you changed. Commit it, and leave it "
      "alone.\n";
  for (const auto& file : files) out += hash_of(file.text) + "  " + file.path + "\n";
  return out;
}

std::map<std::string, std::string, std::less<>> read_hashes(std::string_view text) {
  std::map<std::string, std::string, std::less<>> hashes;
  for (const auto& line : lines_of(text))
    if (!line.starts_with('#') && line.size() > 18) hashes[line.substr(18)] = line.substr(0, 16);
  return hashes;
}

}  // namespace tidings::scaffold
