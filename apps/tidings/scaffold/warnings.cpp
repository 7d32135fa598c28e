#include "scaffold/warnings.hpp"

#include <algorithm>

#include "scaffold/contains.hpp"
#include "tidings/base/text.hpp"

namespace tidings::scaffold {

std::vector<Warning> warnings(const Catalogue& catalogue, const std::set<std::string>& capabilities,
                              const std::map<std::string, std::string>& acknowledged) {
  const auto has = [&](const std::string& name) { return capabilities.contains(name); };
  std::vector<Warning> found;
  for (const auto& rule : catalogue.warnings) {
    const bool fits = std::ranges::all_of(rule.has_all, has) &&
                      (rule.has_any.empty() || std::ranges::any_of(rule.has_any, has)) &&
                      std::ranges::none_of(rule.lacks_all, has) &&
                      (rule.lacks_any.empty() || !std::ranges::all_of(rule.lacks_any, has));
    if (fits && !acknowledged.contains(rule.id))
      found.push_back({rule.id, rule.severity, rule.happens, rule.what_to_do});
  }
  std::ranges::stable_sort(found, {}, &Warning::severity);
  return found;
}

Result<> check_acknowledged(const Catalogue& catalogue, const std::map<std::string, std::string>& acknowledged,
                            const std::string& file) {
  std::vector<std::string> ids;
  for (const auto& rule : catalogue.warnings) ids.push_back(rule.id);
  for (const auto& [id, reason] : acknowledged) {
    if (!contains(ids, id)) {
      const auto near = nearest(id, ids);
      return Error{
          "invalid_record",
          file + ": [acknowledged] names '" + printable(id) + "', which is no warning" +
              (near.empty() ? "; where it is of a team's own capabilities, name their folder, by --capabilities "
                              "or $TIDINGS_CAPABILITIES"
                            : "; did you mean '" + std::string(near) + "'?")};
    }
    if (reason.find_first_not_of(" \t\n") == std::string::npos)
      return Error{"invalid_record", file + ": [acknowledged] " + id + " must say the reason"};
  }
  return {};
}

}  // namespace tidings::scaffold
