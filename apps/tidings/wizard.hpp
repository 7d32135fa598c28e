#pragma once

#include "commands.hpp"
#include "scaffold/catalogue.hpp"

namespace tidings::cli {

/// Asks on the terminal for the name of a new service. False where the user wants none after all.
[[nodiscard]] bool ask_name(ScaffoldArguments& arguments);

/// Asks on the terminal how a new service is laid out and what it is to have, says what follows from it, and writes it
/// into `arguments`. False where the user wants none after all.
[[nodiscard]] bool ask(const scaffold::Catalogue& catalogue, ScaffoldArguments& arguments);

}  // namespace tidings::cli
