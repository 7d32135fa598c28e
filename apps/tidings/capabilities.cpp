#include <unistd.h>

#include "commands.hpp"
#include "output.hpp"
#include "scaffold/report.hpp"
#include "scaffold/sources.hpp"
#include "scaffolding.hpp"

namespace tidings::cli {

int capabilities(const Common& common, const ScaffoldArguments& arguments) {
  auto catalogue = scaffold::load_catalogue(arguments.folders);
  if (!catalogue) return fail(catalogue.error());
  if (arguments.name.empty())
    return print(common.json          ? harmless_json(scaffold::matrix_json(*catalogue))
                 : arguments.markdown ? scaffold::matrix_markdown(*catalogue)
                                      : scaffold::matrix_text(*catalogue, columns(STDOUT_FILENO)));
  const auto* const one = catalogue->find(arguments.name);
  if (one == nullptr || one->hidden) return fail(scaffold::unknown_capability(*catalogue, arguments.name));
  return print(common.json ? harmless_json(scaffold::capability_json(*catalogue, *one))
                           : scaffold::capability_text(*catalogue, *one, columns(STDOUT_FILENO)));
}

}  // namespace tidings::cli
