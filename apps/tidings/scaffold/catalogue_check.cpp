#include "scaffold/catalogue_check.hpp"

#include <algorithm>
#include <set>

#include "scaffold/contains.hpp"
#include "scaffold/layout.hpp"
#include "scaffold/tags.hpp"
#include "tidings/base/text.hpp"

namespace tidings::scaffold {

namespace {

Error wrong(const std::string& where, const std::string& why) {
  return {"invalid_capability", (where.ends_with(".toml") ? where + ":1" : where) + ": " + why};
}

/// Names that stand for something in every template.
const std::vector<std::string> variables{"name",       "snake",          "pascal",      "namespace",  "layout",
                                         "components", "links",          "debian",      "title",      "description",
                                         "at.domain",  "at.application", "at.adapters", "is.layered", "is.hexagonal",
                                         "is.flat",    "capabilities"};

/// Of Tidings, whatever of it was built here.
const std::vector<std::string>& components() {
  static const auto all = [] {
    std::vector<std::string> names;
    std::string_view text = TIDINGS_COMPONENTS;
    while (!text.empty()) {
      names.emplace_back(text.substr(0, text.find(' ')));
      text.remove_prefix(std::min(names.back().size() + 1, text.size()));
    }
    return names;
  }();
  return all;
}

Result<> check_known(const Catalogue& catalogue, const std::string& name, const std::string& where) {
  if (catalogue.find(name) != nullptr) return {};
  std::vector<std::string> names;
  for (const auto& [known, capability] : catalogue.capabilities) names.push_back(known);
  const auto near = nearest(name, names);
  return wrong(where, "there is no capability '" + printable(name) + "'" +
                          (near.empty() ? std::string() : "; did you mean '" + std::string(near) + "'?"));
}

Result<> check_all_known(const Catalogue& catalogue, const std::vector<std::string>& names, const std::string& where) {
  for (const auto& name : names)
    if (auto known = check_known(catalogue, name, where); !known) return known;
  return {};
}

Result<> check_tags(const Catalogue& catalogue, std::string_view text, const std::string& where,
                    const std::set<std::string>& slots) {
  auto tags = tags_of(text, where);
  if (!tags) return tags.error();
  std::set<std::string> used;
  for (const auto& tag : *tags) {
    const auto line = where + (where.ends_with(".mustache") ? ":" + std::to_string(tag.line) : "");
    if (tag.name.starts_with("has.")) {
      if (auto known = check_known(catalogue, tag.name.substr(4), line); !known) return known;
    } else if (tag.name.starts_with("slot.") || tag.name.starts_with("filled.")) {
      const auto slot = tag.name.substr(tag.name.find('.') + 1);
      if (!slots.contains(slot)) return wrong(line, "<%" + tag.name + "%>: the file has no slot of that name");
      if (tag.name.starts_with("slot.")) used.insert(slot);
    } else if (!contains(variables, tag.name)) {
      const auto near = nearest(tag.name, variables);
      return wrong(line, "<%" + tag.name + "%> stands for nothing" +
                             (near.empty() ? std::string() : "; did you mean <%" + std::string(near) + "%>?"));
    }
  }
  for (const auto& slot : slots)
    if (!used.contains(slot)) return wrong(where + ":1", "its slot '" + slot + "' has no place <%slot." + slot + "%>");
  return {};
}

/// The capability that has the file, or null.
const Capability* owner_of(const Catalogue& catalogue, std::string_view path) {
  for (const auto& [name, capability] : catalogue.capabilities)
    if (contains(capability.files, path, &Template::path)) return &capability;
  return nullptr;
}

Result<> check_owners(const Catalogue& catalogue) {
  for (const auto layout : layouts) {
    std::map<std::string, const Template*> owned;
    for (const auto& [name, capability] : catalogue.capabilities)
      for (const auto& file : capability.files) {
        if (file.path.starts_with("@") && placed(file.path, layout) == file.path)
          return wrong(file.where + ":1", "there is no such part; there are @domain/, @application/ and @adapters/");
        if (const auto why = refused_path(placed(file.path, layout)); !why.empty())
          return wrong(file.where + ":1",
                       "the capability '" + name + "' may not write " + printable(file.path) + ", " + std::string(why));
        const auto [at, is_new] = owned.try_emplace(placed(file.path, layout), &file);
        if (!is_new)
          return wrong(file.where + ":1", "two capabilities have the file " + at->first + ", the other in " +
                                              at->second->where + "; leave it to one, and put text into a slot of it");
      }
  }
  return {};
}

Result<> check_slots(const Catalogue& catalogue, const Capability& capability) {
  for (const auto& slot : capability.slots)
    if (!contains(capability.files, slot.file, &Template::path))
      return wrong(capability.where,
                   "slot '" + slot.name + "' is of " + slot.file + ", which is no file of this capability");
  for (const auto& file : capability.files) {
    std::set<std::string> slots;
    for (const auto& slot : capability.slots)
      if (slot.file == file.path && !slots.insert(slot.name).second)
        return wrong(capability.where, file.path + " has two slots '" + slot.name + "'");
    if (auto fine = check_tags(catalogue, file.text, file.where, slots); !fine) return fine;
    if (auto fine = check_tags(catalogue, file.path, file.where + ":1", {}); !fine) return fine;
  }
  for (const auto& addition : capability.additions) {
    const auto* const owner = owner_of(catalogue, addition.to);
    if (owner == nullptr) return wrong(addition.where, "no capability has the file " + addition.to);
    if (!std::ranges::any_of(owner->slots,
                             [&](const Slot& slot) { return slot.file == addition.to && slot.name == addition.slot; }))
      return wrong(addition.where, addition.to + ", of " + owner->name + ", has no slot '" + addition.slot + "'");
    if (auto fine = check_tags(catalogue, addition.text, addition.where, {}); !fine) return fine;
  }
  return {};
}

Result<> check_names(const Catalogue& catalogue, const Capability& capability) {
  if (!contains(catalogue.categories, capability.category, &Category::name)) {
    std::string known;
    for (const auto& category : catalogue.categories) known += (known.empty() ? "" : ", ") + category.name;
    return wrong(capability.where, "there is no category '" + printable(capability.category) + "'; there are " + known);
  }
  auto named = capability.requires_all;
  for (const auto& list : capability.requires_one_of) named.insert(named.end(), list.begin(), list.end());
  for (const auto& one : capability.suggests) named.push_back(one.capability);
  for (const auto& one : capability.conflicts) named.push_back(one.capability);
  named.insert(named.end(), capability.default_unless.begin(), capability.default_unless.end());
  if (contains(named, capability.name)) return wrong(capability.where, "it names itself");
  if (auto fine = check_all_known(catalogue, named, capability.where); !fine) return fine;
  for (const auto& component : capability.components)
    if (!contains(components(), component)) {
      const auto near = nearest(component, components());
      return wrong(capability.where,
                   "Tidings has no component '" + printable(component) + "'" +
                       (near.empty() ? std::string() : "; did you mean '" + std::string(near) + "'?"));
    }
  const auto check_when = [&](const When& when, const std::string& where) -> Result<> {
    if (auto fine = check_all_known(catalogue, when.all, where); !fine) return fine;
    return check_all_known(catalogue, when.unless, where);
  };
  for (const auto& one : capability.additions)
    if (auto fine = check_when(one.when, one.where); !fine) return fine;
  for (const auto& one : capability.files)
    if (auto fine = check_when(one.when, capability.where); !fine) return fine;
  return {};
}

}  // namespace

Result<> check_catalogue(const Catalogue& catalogue) {
  for (const auto& [name, capability] : catalogue.capabilities)
    if (auto fine = check_names(catalogue, capability); !fine) return fine;
  if (auto fine = check_owners(catalogue); !fine) return fine;
  for (const auto& [name, capability] : catalogue.capabilities)
    if (auto fine = check_slots(catalogue, capability); !fine) return fine;
  for (const auto& rule : catalogue.warnings)
    for (const auto* const list : {&rule.has_all, &rule.has_any, &rule.lacks_all, &rule.lacks_any})
      if (auto fine = check_all_known(catalogue, *list, "warnings.toml: " + rule.id); !fine) return fine;
  return {};
}

}  // namespace tidings::scaffold
