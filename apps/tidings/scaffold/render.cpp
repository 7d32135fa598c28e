#include "scaffold/render.hpp"

#include <algorithm>
#include <map>

#include "scaffold/mustache.hpp"
#include "scaffold/neat.hpp"
#include "tidings/base/text.hpp"

namespace tidings::scaffold {

namespace {

/// Stands for a slot's text while a template is filled, so that no tag is looked for in it.
constexpr char mark = '\x01';

bool holds(const When& when, const Spec& spec) {
  const auto has = [&](const std::string& name) { return spec.capabilities.contains(name); };
  return std::ranges::all_of(when.all, has) && std::ranges::none_of(when.unless, has);
}

TagValues values_of(const Catalogue& catalogue, const Spec& spec) {
  TagValues values;
  values.texts = {{"name", spec.names.name},
                  {"snake", spec.names.snake},
                  {"pascal", spec.names.pascal},
                  {"namespace", spec.names.name_space},
                  {"layout", std::string(to_text(spec.layout))}};
  for (const auto part : parts) values.texts["at." + std::string(part)] = folder_of(spec.layout, part);
  for (const auto layout : layouts) values.truths["is." + std::string(to_text(layout))] = layout == spec.layout;
  std::set<std::string> components, debian;
  auto& listed = values.lists["capabilities"];
  for (const auto* const one : catalogue.in_order()) {
    const bool has = spec.capabilities.contains(one->name);
    values.truths["has." + one->name] = has;
    if (!has) continue;
    components.insert(one->components.begin(), one->components.end());
    debian.insert(one->debian.begin(), one->debian.end());
    if (!one->hidden && !one->always)
      listed.push_back({{"name", one->name}, {"title", one->title}, {"description", one->description}});
  }
  for (const auto& name : components) {
    values.texts["components"] += (values.texts["components"].empty() ? "" : " ") + name;
    values.texts["links"] += (values.texts["links"].empty() ? "tidings::" : " tidings::") + name;
  }
  for (const auto& name : debian) values.texts["debian"] += (values.texts["debian"].empty() ? "" : " ") + name;
  return values;
}

/// What is put into the slots of a file: by slot, in order.
using Fillings = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;

Result<Fillings> fillings_of(const Catalogue& catalogue, const Spec& spec, const TagValues& values) {
  Fillings fillings;
  for (const auto* const one : catalogue.in_order()) {
    if (!spec.capabilities.contains(one->name)) continue;
    for (const auto& addition : one->additions) {
      if (!holds(addition.when, spec)) continue;
      auto text = fill(addition.text, values, addition.where);
      if (!text) return text.error();
      while (text->starts_with('\n')) text->erase(0, 1);
      while (text->ends_with('\n')) text->pop_back();
      if (!text->empty()) fillings[{addition.to, addition.slot}].push_back(*std::move(text));
    }
  }
  return fillings;
}

std::string joined(std::vector<std::string> texts, SlotStyle style) {
  if (style == SlotStyle::sorted) {
    std::set<std::string> lines;
    for (const auto& text : texts)
      for (auto& line : lines_of(text)) lines.insert(std::move(line));
    texts.assign(lines.begin(), lines.end());
  }
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : style == SlotStyle::blocks ? "\n\n" : "\n") + text;
  return out;
}

/// Each line of `text` behind what stands before the slot on its own line.
std::string indented(const std::string& text, const std::string& by) {
  std::string out;
  for (const auto& line : lines_of(text))
    out += (out.empty() && line.empty() ? ""
            : out.empty()               ? ""
                                        : "\n") +
           (out.empty() || line.empty() ? line : by + line);
  return out;
}

/// Puts the slots' texts where their marks stand; a line of nothing but an empty slot goes.
std::string with_slots(const std::string& text, const std::map<std::string, std::string>& slots) {
  std::string out;
  for (const auto& line : lines_of(text)) {
    std::string made;
    bool was_empty = false;
    std::size_t at = 0;
    for (auto begin = line.find(mark); begin != std::string::npos; begin = line.find(mark, at)) {
      const auto end = line.find(mark, begin + 1);
      made += line.substr(at, begin - at);
      const auto& filling = slots.at(line.substr(begin + 1, end - begin - 1));
      const auto blanks = made.substr(0, std::min(made.find_first_not_of(' '), made.size()));
      was_empty = was_empty || filling.empty();
      made += indented(filling, blanks);
      at = end + 1;
    }
    made += line.substr(at);
    if (was_empty && made.find_first_not_of(' ') == std::string::npos) continue;
    out += made + "\n";
  }
  return out;
}

Result<GeneratedFile> render_file(const Capability& owner, const Template& file, const Spec& spec, TagValues values,
                                  const Fillings& fillings) {
  std::map<std::string, std::string> slots;
  for (const auto& slot : owner.slots) {
    if (slot.file != file.path) continue;
    const auto found = fillings.find({slot.file, slot.name});
    slots[slot.name] = found == fillings.end() ? std::string() : joined(found->second, slot.style);
    values.truths["filled." + slot.name] = !slots[slot.name].empty();
    values.texts["slot." + slot.name] = mark + slot.name + mark;
  }
  auto text = fill(file.text, values, file.where);
  if (!text) return text.error();
  auto path = fill(file.path, values, file.where);
  if (!path) return path.error();
  while (path->ends_with('\n')) path->pop_back();
  // Its parts may have come together only now.
  if (const auto why = refused_path(placed(*path, spec.layout)); !why.empty())
    return Error{"invalid_capability", file.where + ":1: the capability '" + owner.name + "' may not write " +
                                           printable(*path) + ", " + std::string(why)};
  const bool is_cpp = path->ends_with(".cpp") || path->ends_with(".hpp");
  return GeneratedFile{.path = placed(*std::move(path), spec.layout),
                       .text = neat(with_slots(*text, slots), is_cpp),
                       .executable = file.executable};
}

}  // namespace

Result<std::vector<GeneratedFile>> render(const Catalogue& catalogue, const Spec& spec) {
  const auto values = values_of(catalogue, spec);
  const auto fillings = fillings_of(catalogue, spec, values);
  if (!fillings) return fillings.error();
  std::vector<GeneratedFile> files;
  for (const auto* const one : catalogue.in_order()) {
    if (!spec.capabilities.contains(one->name)) continue;
    for (const auto& file : one->files) {
      if (!holds(file.when, spec)) continue;
      auto made = render_file(*one, file, spec, values, *fillings);
      if (!made) return made.error();
      files.push_back(*std::move(made));
    }
  }
  std::ranges::sort(files, {}, &GeneratedFile::path);
  return files;
}

}  // namespace tidings::scaffold
