#include "tidings/stores/open.hpp"

#include <string>
#include <vector>

#include "tidings/base/text.hpp"

namespace tidings {

namespace stores {
std::vector<StoreFactory> all_factories();
}

std::span<const StoreFactory> store_factories() {
  static const auto factories = stores::all_factories();
  return factories;
}

Result<std::unique_ptr<Store>> open_store(std::string_view url, const StoreOptions& options) {
  std::string known;
  const auto scheme = url.substr(0, url.find(':'));
  if (scheme == "postgresql")
    return open_store("postgres" + std::string(url.substr(scheme.size())), options);  // libpq's
  for (const auto& factory : store_factories()) {
    if (scheme.size() < url.size() && factory.scheme == scheme) return factory.open(url, options);
    known += (known.empty() ? "" : ", ") + factory.example;
  }
  // What follows the scheme may have a password.
  if (scheme.size() == url.size()) return Error{"invalid_url", "that is no URL of a store; write one as " + known};
  return Error{"unknown_store", "no store for '" + printable(scheme) + ":' in this build; there are " + known};
}

}  // namespace tidings
