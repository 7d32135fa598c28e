#pragma once

#include "commands.hpp"
#include "scaffold/catalogue.hpp"

namespace tidings::cli {

/// Asks on the terminal what a new service is to have, says what follows from it, and writes it into `arguments`. False
/// where the user wants none after all.
[[nodiscard]] bool ask(const scaffold::Catalogue& catalogue, ScaffoldArguments& arguments);

}  // namespace tidings::cli
