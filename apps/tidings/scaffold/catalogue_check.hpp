#pragma once

#include "scaffold/catalogue.hpp"

namespace tidings::scaffold {

/// Whether what stands in one capability fits the others: names, owners of files, slots, tags. Error
/// `invalid_capability`.
[[nodiscard]] Result<> check_catalogue(const Catalogue& catalogue);

}  // namespace tidings::scaffold
