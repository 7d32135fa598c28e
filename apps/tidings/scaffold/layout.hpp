#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace tidings::scaffold {

/// The folders of a project's sources.
enum class Layout {
  layered,    ///< src/domain, src/application, src/adapters
  hexagonal,  ///< src/domain, src/ports, src/adapters
  flat,       ///< src
};
inline constexpr std::array layouts{Layout::layered, Layout::hexagonal, Layout::flat};
/// The parts of the sources, as templates name them: `@domain/`.
inline constexpr std::array<std::string_view, 3> parts{"domain", "application", "adapters"};

[[nodiscard]] std::string_view to_text(Layout layout);
[[nodiscard]] std::optional<Layout> layout_of(std::string_view text);

/// Where a part's files stand below `src`, and so what stands before them in an include: `application/`, or nothing.
[[nodiscard]] std::string folder_of(Layout layout, std::string_view part);
/// A path of a template, where the layout has it: `@domain/x.hpp` becomes `src/domain/x.hpp`; others stay.
[[nodiscard]] std::string placed(std::string path, Layout layout);

/// What is wrong with a path of a project, below its folder, that a capability would write to; empty where nothing is:
/// what git runs, and what `tidings` itself writes, is no capability's.
[[nodiscard]] std::string_view refused_path(std::string_view path);

}  // namespace tidings::scaffold
