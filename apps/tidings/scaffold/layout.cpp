#include "scaffold/layout.hpp"

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

std::string placed(std::string path, Layout layout) {
  for (const auto part : parts) {
    const auto prefix = "@" + std::string(part) + "/";
    if (path.starts_with(prefix)) return "src/" + folder_of(layout, part) + path.substr(prefix.size());
  }
  return path;
}

}  // namespace tidings::scaffold
