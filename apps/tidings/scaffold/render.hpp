#pragma once

#include <set>
#include <string>
#include <vector>

#include "scaffold/catalogue.hpp"
#include "scaffold/layout.hpp"
#include "scaffold/names.hpp"

namespace tidings::scaffold {

/// What a project is made of.
struct Spec {
  Names names;
  Layout layout = Layout::layered;
  std::set<std::string> capabilities;  ///< resolved
};

struct GeneratedFile {
  std::string path;
  std::string text;
  bool executable = false;
};

/// The files, by path. Error `invalid_capability` (never): a template that the engine does not take.
[[nodiscard]] Result<std::vector<GeneratedFile>> render(const Catalogue& catalogue, const Spec& spec);

}  // namespace tidings::scaffold
