#pragma once

#include <set>
#include <string>
#include <vector>

#include "scaffold/catalogue.hpp"

namespace tidings::scaffold {

/// A capability that nobody asked for, and why it is there.
struct Taken {
  std::string capability;
  std::string because;  ///< "outbox requires it", "outbox requires sqlite or postgres"
};

struct Suggested {
  std::string capability;
  std::string by;
  std::string reason;
};

/// What a choice comes to.
struct Resolution {
  std::set<std::string> all;  ///< hidden ones included
  std::vector<Taken> taken;
  std::vector<Suggested> suggested;  ///< that are not there

  /// Without the hidden ones: what is recorded and shown.
  [[nodiscard]] std::vector<std::string> shown(const Catalogue& catalogue) const;
};

/// What every new project has beside what was asked for: the defaults, but for those that are left out, and those that
/// something asked for stands in place of.
[[nodiscard]] std::set<std::string> defaults(const Catalogue& catalogue, const std::set<std::string>& asked,
                                             const std::vector<std::string>& without);

/// Adds what is required, transitively; of several that would do the first, where none of them is there. It depends on
/// the set alone, not on the order in which it grew. Errors (never): `unknown_capability`; `capability_conflict`, with
/// the way out.
[[nodiscard]] Result<Resolution> resolve(const Catalogue& catalogue, const std::set<std::string>& asked);

/// What a set that was written down by hand lacks of what it requires; nothing where it is whole. As `resolve`.
[[nodiscard]] Result<std::vector<Taken>> lacking(const Catalogue& catalogue, const std::set<std::string>& recorded);

}  // namespace tidings::scaffold
