#include "scaffold/resolve.hpp"

#include <algorithm>
#include <map>

#include "scaffold/contains.hpp"

namespace tidings::scaffold {

namespace {

std::string any_of_text(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : &name == &names.back() ? " or " : ", ") + name;
  return text;
}

/// Who is shown in place of a hidden capability: whom it was taken for.
using Roots = std::map<std::string, std::string>;

std::string root_of(const Roots& roots, const std::string& name) {
  const auto found = roots.find(name);
  return found == roots.end() ? name : found->second;
}

void take(Resolution& made, Roots& roots, const Catalogue& catalogue, const std::string& name, const std::string& by,
          const std::string& what) {
  if (!made.all.insert(name).second) return;
  const auto root = root_of(roots, by);
  if (catalogue.find(name)->hidden)
    roots[name] = root;
  else
    made.taken.push_back({name, root + " requires " + what});
}

/// What is required without a choice, to the end.
void take_required(Resolution& made, Roots& roots, const Catalogue& catalogue) {
  for (auto before = made.all.size() + 1; before != made.all.size();) {
    before = made.all.size();
    for (const auto& name : std::set(made.all))
      for (const auto& required : catalogue.find(name)->requires_all)
        take(made, roots, catalogue, required, name, "it");
  }
}

/// Takes the first of one list of which none is there; whether it did.
bool take_one(Resolution& made, Roots& roots, const Catalogue& catalogue) {
  for (const auto& name : made.all)
    for (const auto& list : catalogue.find(name)->requires_one_of) {
      if (std::ranges::any_of(list, [&](const auto& one) { return made.all.contains(one); })) continue;
      take(made, roots, catalogue, list.front(), name, list.size() == 1 ? "it" : any_of_text(list));
      return true;
    }
  return false;
}

Result<> check_conflicts(const Resolution& made, const Catalogue& catalogue) {
  for (const auto& name : made.all)
    for (const auto& conflict : catalogue.find(name)->conflicts)
      if (made.all.contains(conflict.capability))
        return Error{"capability_conflict", name + " and " + conflict.capability +
                                                " do not go together: " + conflict.reason + "; " + conflict.way_out};
  return {};
}

}  // namespace

std::vector<std::string> Resolution::shown(const Catalogue& catalogue) const {
  std::vector<std::string> names;
  for (const auto& name : all)
    if (const auto* const one = catalogue.find(name); !one->hidden && !one->always) names.push_back(name);
  return names;
}

std::set<std::string> defaults(const Catalogue& catalogue, const std::set<std::string>& asked,
                               const std::vector<std::string>& without) {
  std::set<std::string> names;
  for (const auto& [name, one] : catalogue.capabilities) {
    const bool is_replaced =
        std::ranges::any_of(one.default_unless, [&](const auto& other) { return asked.contains(other); });
    if (one.is_default && !is_replaced && !asked.contains(name) && !contains(without, name)) names.insert(name);
  }
  return names;
}

Result<Resolution> resolve(const Catalogue& catalogue, const std::set<std::string>& asked) {
  Resolution made;
  for (const auto& name : asked) {
    const auto* const one = catalogue.find(name);
    if (one == nullptr || one->hidden) return unknown_capability(catalogue, name);
    made.all.insert(name);
  }
  for (const auto& [name, one] : catalogue.capabilities)
    if (one.always) made.all.insert(name);
  Roots roots;
  do take_required(made, roots, catalogue);
  while (take_one(made, roots, catalogue));
  if (auto fine = check_conflicts(made, catalogue); !fine) return fine.error();
  for (const auto& name : made.all)
    for (const auto& one : catalogue.find(name)->suggests)
      if (!made.all.contains(one.capability) && !contains(made.suggested, one.capability, &Suggested::capability))
        made.suggested.push_back({one.capability, name, one.reason});
  return made;
}

Result<std::vector<Taken>> lacking(const Catalogue& catalogue, const std::set<std::string>& recorded) {
  auto made = resolve(catalogue, recorded);
  if (!made) return made.error();
  return std::move(made->taken);
}

}  // namespace tidings::scaffold
