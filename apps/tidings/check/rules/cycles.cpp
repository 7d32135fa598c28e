#include <map>
#include <set>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

using Graph = std::vector<std::vector<std::uint32_t>>;

/// The number of each node's strongly connected component (Tarjan), without recursion: graphs may be deep.
std::vector<std::uint32_t> components(const Graph& graph) {
  const auto size = static_cast<std::uint32_t>(graph.size());
  std::vector<std::uint32_t> number(size, none), low(size, 0), component(size, none), stack;
  std::uint32_t next = 0, found = 0;
  struct Frame {
    std::uint32_t node, edge;
  };
  for (std::uint32_t root = 0; root < size; ++root) {
    if (number[root] != none) continue;
    std::vector<Frame> frames{{root, 0}};
    while (!frames.empty()) {
      const auto node = frames.back().node;
      if (frames.back().edge == 0) {
        number[node] = low[node] = next++;
        stack.push_back(node);
      }
      if (frames.back().edge < graph[node].size()) {
        const auto to = graph[node][frames.back().edge++];
        if (number[to] == none)
          frames.push_back({to, 0});
        else if (component[to] == none)
          low[node] = std::min(low[node], number[to]);
        continue;
      }
      if (low[node] == number[node]) {
        for (;;) {
          const auto top = stack.back();
          stack.pop_back();
          component[top] = found;
          if (top == node) break;
        }
        ++found;
      }
      frames.pop_back();
      if (!frames.empty()) low[frames.back().node] = std::min(low[frames.back().node], low[node]);
    }
  }
  return component;
}

/// A shortest way from `from` back to it.
std::vector<std::uint32_t> way_back(const Graph& graph, const std::vector<std::uint32_t>& component,
                                    std::uint32_t from) {
  std::vector<std::uint32_t> before(graph.size(), none), queue{from};
  for (std::size_t i = 0; i < queue.size(); ++i)
    for (const auto to : graph[queue[i]]) {
      if (component[to] != component[from]) continue;
      if (to == from) {
        std::vector<std::uint32_t> way{from};
        for (auto at = queue[i]; at != from; at = before[at]) way.push_back(at);
        way.push_back(from);
        std::ranges::reverse(way);
        return way;
      }
      if (before[to] == none) {
        before[to] = queue[i];
        queue.push_back(to);
      }
    }
  return {};
}

void run_files(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code&, const Facts&) {
    Graph graph(project.files.size());
    for (std::size_t i = 0; i < graph.size(); ++i)
      for (const auto& edge : project.includes[i])
        // A header that includes its own definitions is split, and no cycle of two.
        if (!is_one_of(project.files[edge.to]->path.substr(project.files[edge.to]->path.rfind('.') + 1),
                       {"ipp", "inl", "tpp"}))
          graph[i].push_back(edge.to);
    const auto component = components(graph);
    std::set<std::uint32_t> told;
    for (std::uint32_t i = 0; i < graph.size(); ++i) {
      if (told.contains(component[i])) continue;
      const auto way = way_back(graph, component, i);
      if (way.size() < 2) continue;
      told.insert(component[i]);
      std::string shown;
      for (const auto node : way) shown += (shown.empty() ? "" : " -> ") + project.files[node]->path;
      std::uint32_t line = 1;
      for (const auto& edge : project.includes[i])
        if (edge.to == way[1]) line = edge.line;
      sink.add_line(project, *project.files[i], line, "these files include each other: " + shown);
    }
  });
}

/// The module of a file: a folder directly in src/, whose public headers are those of its name under include/.
std::string module_of(std::string_view path) {
  std::vector<std::string_view> parts;
  for (auto rest = path; !rest.empty();) {
    const auto size = std::min(rest.find('/'), rest.size());
    parts.push_back(rest.substr(0, size));
    rest.remove_prefix(std::min(size + 1, rest.size()));
  }
  if (parts.size() >= 3 && parts[0] == "src") return std::string(parts[1]);
  if (parts.size() >= 4 && parts[0] == "include") return std::string(parts[2]);
  return {};
}

void run_folders(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code&, const Facts&) {
    std::map<std::string, std::uint32_t> numbers;
    std::vector<std::string> names;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::pair<std::size_t, std::uint32_t>>
        where;  // an edge's file and line
    const auto number = [&](const std::string& name) {
      const auto [at, is_new] = numbers.emplace(name, static_cast<std::uint32_t>(names.size()));
      if (is_new) names.push_back(name);
      return at->second;
    };
    for (std::size_t i = 0; i < project.files.size(); ++i) {
      const auto from = module_of(project.files[i]->path);
      if (from.empty() || project.files[i]->is_test) continue;
      for (const auto& edge : project.includes[i]) {
        const auto to = module_of(project.files[edge.to]->path);
        if (!to.empty() && to != from) where.try_emplace({number(from), number(to)}, i, edge.line);
      }
    }
    Graph graph(names.size());
    for (const auto& [edge, place] : where) graph[edge.first].push_back(edge.second);
    const auto component = components(graph);
    std::set<std::uint32_t> told;
    for (std::uint32_t i = 0; i < graph.size(); ++i) {
      if (told.contains(component[i])) continue;
      const auto way = way_back(graph, component, i);
      if (way.size() < 2) continue;
      told.insert(component[i]);
      std::string shown;
      for (std::size_t k = 0; k < way.size(); ++k) {
        shown += (k == 0 ? "" : " -> ") + names[way[k]];
        if (k + 1 == way.size()) break;
        const auto& place = where.at({way[k], way[k + 1]});
        shown += " (" + project.files[place.first]->path + ":" + std::to_string(place.second) + ")";
      }
      const auto& first = where.at({way[0], way[1]});
      sink.add_line(project, *project.files[first.first], first.second, "these folders need each other: " + shown);
    }
  });
}

}  // namespace

const Rule include_cycle{
    .id = "include-cycle",
    .severity = Severity::warning,
    .finds = "Files that include each other.",
    .can_happen =
        "Which of them is read first depends on who includes them: a name is missing in one source and there in "
        "another.",
    .to_do = "Declare instead of including in one of them, or move what both need into a third.",
    .bad = "// src/order.hpp\n#include \"customer.hpp\"\n// src/customer.hpp\n#include \"order.hpp\"\n",
    .good = "// src/order.hpp\n#include \"customer.hpp\"\n// src/customer.hpp\nclass Order;\n",
    .run = run_files};

const Rule folder_cycle{
    .id = "folder-cycle",
    .severity = Severity::warning,
    .finds = "Folders of src/ that need each other. The public headers of a folder may stand under include/.",
    .can_happen =
        "None of them can be built, tested or understood without the others; they are one, whatever their folders say.",
    .to_do = "Turn one of the arrows round: move what both need below them, or hand it in through an interface.",
    .bad =
        "// src/orders/order.cpp\n#include \"billing/invoice.hpp\"\n// src/billing/invoice.cpp\n#include "
        "\"orders/order.hpp\"\n",
    .good = "// src/orders/order.cpp\n#include \"billing/invoice.hpp\"\n",
    .run = run_folders};

}  // namespace tidings::check
