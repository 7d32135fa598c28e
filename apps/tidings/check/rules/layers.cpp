#include <map>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

/// The layer whose folder the path stands in; -1: none.
int layer_of(const Settings& settings, std::string_view path) {
  for (std::size_t i = 0; i < settings.layers.size(); ++i) {
    const auto& name = settings.layers[i].name;
    if (name.find('/') != std::string::npos) {
      if (path.starts_with(name + "/")) return static_cast<int>(i);
      continue;
    }
    for (const std::string_view top : {"src/", "", "lib/"})
      if (path.starts_with(std::string(top) + name + "/")) return static_cast<int>(i);
    if (path.starts_with("include/")) {  // include/PROJECT/LAYER
      const auto project = path.find('/', 8);
      if (project != std::string_view::npos && path.substr(project + 1).starts_with(name + "/"))
        return static_cast<int>(i);
      if (path.substr(8).starts_with(name + "/")) return static_cast<int>(i);
    }
  }
  return -1;
}

bool may(const Settings& settings, int from, int to) {
  const auto& layers = settings.layers;
  return from < 0 || to < 0 || from == to ||
         std::ranges::find(layers[static_cast<std::size_t>(from)].may_use, layers[static_cast<std::size_t>(to)].name) !=
             layers[static_cast<std::size_t>(from)].may_use.end();
}

std::string told(const Settings& settings, int from, int to, const std::string& by) {
  const auto& layer = settings.layers[static_cast<std::size_t>(from)];
  std::string allowed;
  for (const auto& one : layer.may_use) allowed += (allowed.empty() ? "" : " and ") + quoted(one);
  return "the layer " + quoted(layer.name) + " uses " + quoted(settings.layers[static_cast<std::size_t>(to)].name) +
         by + "; it may use " + (allowed.empty() ? "no other" : allowed + " alone");
}

/// By a target's name alone, where a function makes it of whatever its folder has, as 'tidings new' does: NAME_domain.
int layer_named(const Settings& settings, std::string_view target) {
  for (std::size_t i = 0; i < settings.layers.size(); ++i)
    if (target.ends_with("_" + settings.layers[i].name)) return static_cast<int>(i);
  return -1;
}

int layer_of(const Settings& settings, const Target& target) {
  auto layer = layer_of(settings, target.folder + "/x");
  if (layer < 0 && target.sources.empty()) return layer_named(settings, target.name);
  for (const auto& source : target.sources) {
    const auto one = layer_of(settings, source);
    if (layer >= 0 && one >= 0 && one != layer) return -1;
    if (one < 0) return -1;
    layer = one;
  }
  return layer;
}

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code&, const Facts&) {
    const auto& settings = project.settings;
    if (settings.layers.empty()) return;
    for (std::size_t i = 0; i < project.files.size(); ++i) {
      const auto& file = *project.files[i];
      const auto from = layer_of(settings, file.path);
      if (from < 0) continue;
      for (const auto& edge : project.includes[i]) {
        const auto& other = *project.files[edge.to];
        const auto to = layer_of(settings, other.path);
        if (!may(settings, from, to))
          sink.add_line(project, file, edge.line, told(settings, from, to, ", by including " + other.path));
      }
    }
    std::map<std::string_view, int> layers;
    for (const auto& target : project.targets) {
      const auto layer = layer_of(settings, target);
      layers[target.name] = layer;
      for (const auto& alias : target.aliases) layers[alias] = layer;
    }
    for (const auto& target : project.targets)
      for (const auto& link : target.links) {
        const auto known = layers.find(link.to);
        const auto to = known == layers.end() ? layer_named(settings, link.to) : known->second;
        if (may(settings, layers[target.name], to)) continue;
        sink.add_elsewhere(project, link.file->shown, link.line,
                           told(settings, layers[target.name], to, ", by linking " + link.to));
      }
  });
}

}  // namespace

const Rule layer_dependency{.id = "layer-dependency",
                            .severity = Severity::error,
                            .finds =
                                "A layer that includes, or links, one that it may not use. Layers are those of the "
                                "layout in tidings.toml, or of [check.layers].",
                            .can_happen =
                                "The rules of the business depend on a database or a broker: neither can be tested or "
                                "replaced without the other.",
                            .to_do =
                                "Declare what the layer needs as an interface of its own, and implement that in the "
                                "outer one; or move the code.",
                            .bad = "// src/domain/order.hpp\n#include \"adapters/sqlite_orders.hpp\"\n",
                            .good = "// src/adapters/sqlite_orders.hpp\n#include \"domain/order.hpp\"\n",
                            .run = run};

}  // namespace tidings::check
