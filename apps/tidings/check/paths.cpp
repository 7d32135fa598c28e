#include <algorithm>
#include <array>
#include <span>

#include "check/project.hpp"

namespace tidings::check {

namespace {

bool has_extension(std::string_view path, std::span<const std::string_view> extensions) {
  const auto name = file_name(path);
  const auto dot = name.rfind('.');
  return dot != std::string_view::npos && dot > 0 &&
         std::ranges::find(extensions, name.substr(dot + 1)) != extensions.end();
}

}  // namespace

std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_header_path(std::string_view path) {
  static constexpr std::array<std::string_view, 8> extensions{"hpp", "h", "hh", "hxx", "h++", "ipp", "inl", "tpp"};
  return has_extension(path, extensions);
}

bool is_source_path(std::string_view path) {
  static constexpr std::array<std::string_view, 5> extensions{"cpp", "cc", "cxx", "c++", "C"};
  return has_extension(path, extensions);
}

bool is_test_path(std::string_view path) {
  static constexpr std::array<std::string_view, 10> folders{
      "test", "tests", "testing", "unittest", "unittests", "testutil", "fixtures", "fuzz", "benchmarks", "bench"};
  auto name = file_name(path);
  name = name.substr(0, name.find('.'));
  for (const std::string_view end : {"_test", "_tests", "_unittest", "Test", "Tests", "_bench", "_fuzz"})
    if (name.ends_with(end)) return true;
  if (name == "testing" || name.starts_with("test_")) return true;
  for (auto folder = folder_of(path); !folder.empty(); folder = folder_of(folder))
    if (std::ranges::find(folders, file_name(folder)) != folders.end()) return true;
  return false;
}

std::string normal_path(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const auto size = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, size);
    path.remove_prefix(std::min(size + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (out.empty()) return {};
      out.resize(folder_of(out).size());
    } else {
      if (!out.empty()) out += '/';
      out += part;
    }
  }
  return out;
}

std::string Project::name_of(std::string_view path) const {
  if (shown.empty() || shown == ".") return std::string(path);
  return shown + (shown.ends_with('/') ? "" : "/") + std::string(path);
}

}  // namespace tidings::check
