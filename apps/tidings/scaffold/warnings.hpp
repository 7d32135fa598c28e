#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "scaffold/catalogue.hpp"

namespace tidings::scaffold {

/// A combination that hurts in production, in a project that has it.
struct Warning {
  std::string id;
  Severity severity;
  std::string happens;  ///< what can happen
  std::string what_to_do;
};

/// Those of the capabilities, the worst first, without those that are acknowledged. `capabilities` are all that the
/// project has: what they require counts where it stands there.
[[nodiscard]] std::vector<Warning> warnings(const Catalogue& catalogue, const std::set<std::string>& capabilities,
                                            const std::map<std::string, std::string>& acknowledged);

/// Acknowledged ids that are none, and reasons that say nothing. Error `invalid_record` (never).
[[nodiscard]] Result<> check_acknowledged(const Catalogue& catalogue,
                                          const std::map<std::string, std::string>& acknowledged,
                                          const std::string& file);

}  // namespace tidings::scaffold
