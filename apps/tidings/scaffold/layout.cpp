#include "scaffold/layout.hpp"

#include "tidings/base/strings.hpp"

namespace tidings::scaffold {

std::string_view to_text(Layout layout) {
  switch (layout) {
    case Layout::layered:
      return "layered";
    case Layout::hexagonal:
      return "hexagonal";
    case Layout::flat:
      return "flat";
  }
  return "";
}

std::optional<Layout> layout_of(std::string_view text) {
  for (const auto layout : layouts)
    if (to_text(layout) == text) return layout;
  return std::nullopt;
}

std::string folder_of(Layout layout, std::string_view part) {
  if (layout == Layout::flat) return "";
  if (layout == Layout::hexagonal && part == "application") return "ports/";
  return std::string(part) + "/";
}

std::string_view refused_path(std::string_view path) {
  const auto lower = in_lower_case(path);  // some disks know no difference
  if (lower == "tidings.toml") return "which 'tidings new' writes itself";
  for (std::size_t at = 0; at <= lower.size();) {
    const auto end = std::min(lower.find('/', at), lower.size());
    const auto part = std::string_view(lower).substr(at, end - at);
    if (part == ".git") return "which belongs to git, and may have programs that it runs";
    if (at == 0 && part == ".tidings") return "which 'tidings new' writes itself";
    if (part.empty() || part == "." || part == "..") return "which is no path below the project's folder";
    at = end + 1;
  }
  return {};
}

std::string placed(std::string path, Layout layout) {
  for (const auto part : parts) {
    const auto prefix = "@" + std::string(part) + "/";
    if (path.starts_with(prefix)) return "src/" + folder_of(layout, part) + path.substr(prefix.size());
  }
  return path;
}

}  // namespace tidings::scaffold
