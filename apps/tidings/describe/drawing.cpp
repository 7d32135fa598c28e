#include <algorithm>
#include <map>
#include <set>

#include "describe/flow.hpp"
#include "tidings/base/text.hpp"

// One picture in two languages: services are boxes with their handlers, topics stand between them.
namespace tidings::cli {

namespace {

/// Between quotes of Mermaid's: all but letters, digits and some signs as entities, so that nothing there is of its
/// language, of Markdown or of HTML.
std::string in_mermaid(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ' ||
                          c == '.' || c == '-' || c == '_' || c == ',' || c == ':' || byte >= 0x80;
    if (is_plain)
      out += c;
    else
      out += "#" + std::to_string(byte) + ";";
  }
  return out;
}

/// Between quotes of DOT's.
std::string in_dot(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    // Graphviz reads entities of HTML in labels.
    if (c == '&')
      out += "&amp;";
    else
      out.append(c == '"' || c == '\\' ? "\\" : "").append(1, c);
  }
  return out;
}

struct Node {
  std::string id;
  std::string label;
};

struct Arrow {
  std::string from;
  std::string to;
  std::vector<std::string> labels;  ///< a line each
  bool is_weak = false;             ///< a guarantee does not hold
};

struct Picture {
  struct Box {
    std::string id;
    std::string label;
    std::vector<Node> nodes;
  };
  std::vector<Box> services;
  std::vector<Node> topics;
  std::vector<Node> others;  ///< groups of none of the services, and who publishes what nobody tells of
  std::vector<Arrow> arrows;
};

class Painter {
 public:
  explicit Painter(const Flow& flow) : flow_(flow) {}

  Picture paint() {
    for (const auto& one : flow_.services) {
      auto& box = picture_.services.emplace_back(
          Picture::Box{.id = "s" + std::to_string(picture_.services.size()), .label = one.told.service, .nodes = {}});
      for (const auto& handler : one.told.handlers) add(box, one.told.service, handler.name, handler.name);
      for (const auto& schedule : one.told.schedules)
        add(box, one.told.service, of_schedule(schedule.name), schedule.name + ", " + schedule.recurrence);
    }
    for (const auto& topic : flow_.topics) {
      const auto id = "t" + std::to_string(picture_.topics.size());
      picture_.topics.push_back({id, topic.name});
      draw_producers(topic, id);
      draw_groups(topic, id);
    }
    return std::move(picture_);
  }

 private:
  /// A handler may have the same name.
  static std::string of_schedule(const std::string& name) { return "schedule:" + name; }

  void add(Picture::Box& box, const std::string& service, const std::string& name, std::string label) {
    const auto [at, is_new] = ids_.try_emplace({service, name}, "h" + std::to_string(ids_.size()));
    if (is_new) box.nodes.push_back({at->second, std::move(label)});
  }

  std::string node_of(const Flow::Producer& producer) {
    const auto name = producer.by == Publishing::schedule ? of_schedule(producer.name) : producer.name;
    const auto at = ids_.find({producer.service, name});
    if (at != ids_.end()) return at->second;
    for (auto& box : picture_.services)
      if (box.label == producer.service) {
        add(box, producer.service, name, producer.name.empty() ? "publishes itself" : producer.name);
        return ids_[{producer.service, name}];
      }
    return other(to_text(producer));
  }

  std::string other(const std::string& label) {
    const auto at = std::ranges::find(picture_.others, label, &Node::label);
    if (at != picture_.others.end()) return at->id;
    picture_.others.push_back({"o" + std::to_string(picture_.others.size()), label});
    return picture_.others.back().id;
  }

  Arrow& arrow(const std::string& from, const std::string& to) {
    for (auto& one : picture_.arrows)
      if (one.from == from && one.to == to) return one;
    return picture_.arrows.emplace_back(Arrow{.from = from, .to = to, .labels = {}});
  }

  void draw_producers(const Flow::Topic& topic, const std::string& id) {
    for (const auto at : topic.events) {
      const auto& event = flow_.events[at];
      if (event.type.empty()) continue;
      for (const auto& producer : event.producers) arrow(node_of(producer), id).labels.push_back(event.type);
      if (event.producers.empty()) arrow(other("unknown publishers"), id).labels.push_back(event.type);
    }
  }

  void draw_groups(const Flow::Topic& topic, const std::string& id) {
    for (const auto& group : topic.groups) {
      const auto to = group.service.empty() ? other("group " + group.name) : ids_[{group.service, group.handler}];
      auto& drawn = arrow(id, to);
      for (const auto& path : flow_.paths) {
        const auto& event = flow_.events[path.event];
        if (path.group != group.name || event.topic != topic.name) continue;
        const auto& all = path.guarantees;
        drawn.is_weak =
            drawn.is_weak || !all.loss.causes.empty() || !all.duplicates.causes.empty() || !all.order.causes.empty();
        drawn.labels.push_back(event.type.empty() ? "all" : event.type);
      }
      if (group.lag) drawn.labels.push_back("lag " + std::to_string(*group.lag));
    }
  }

  const Flow& flow_;
  Picture picture_;
  std::map<std::pair<std::string, std::string>, std::string> ids_;
};

}  // namespace

std::string to_mermaid(const Flow& flow) {
  const auto picture = Painter(flow).paint();
  std::string out = "flowchart LR\n";
  for (const auto& box : picture.services) {
    out += "  subgraph " + box.id + "[\"" + in_mermaid(box.label) + "\"]\n";
    for (const auto& node : box.nodes) out += "    " + node.id + "[\"" + in_mermaid(node.label) + "\"]\n";
    out += "  end\n";
  }
  for (const auto& node : picture.topics) out += "  " + node.id + "([\"" + in_mermaid(node.label) + "\"])\n";
  for (const auto& node : picture.others) out += "  " + node.id + "[/\"" + in_mermaid(node.label) + "\"/]\n";
  for (const auto& one : picture.arrows) {
    std::string label;
    for (const auto& line : one.labels) label += (label.empty() ? "" : "<br>") + in_mermaid(line);
    out += "  " + one.from + (one.is_weak ? " -.->" : " -->") + (label.empty() ? " " : "|\"" + label + "\"| ") +
           one.to + "\n";
  }
  return out;
}

std::string to_dot(const Flow& flow) {
  const auto picture = Painter(flow).paint();
  std::string out =
      "digraph flow {\n  rankdir=LR;\n  ranksep=1.4;\n  fontname=\"sans-serif\";\n"
      "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\", fontsize=11];\n"
      "  edge [fontname=\"sans-serif\", fontsize=9];\n";
  const auto node_line = [](const Node& node, std::string_view more) {
    return node.id + " [label=\"" + in_dot(node.label) + "\"" + std::string(more) + "];\n";
  };
  for (const auto& box : picture.services) {
    out += "  subgraph cluster_" + box.id + " {\n    label=\"" + in_dot(box.label) +
           "\";\n    style=\"rounded,filled\";\n    fillcolor=\"#eef2f7\";\n";
    for (const auto& node : box.nodes) out += "    " + node_line(node, "");
    out += "  }\n";
  }
  for (const auto& node : picture.topics) out += "  " + node_line(node, ", shape=cylinder, fillcolor=\"#fff4d6\"");
  for (const auto& node : picture.others) out += "  " + node_line(node, ", style=dashed");
  for (const auto& one : picture.arrows) {
    std::string label;
    for (const auto& line : one.labels) label += in_dot(line) + "\\l";
    out += "  " + one.from + " -> " + one.to + " [label=\"" + label + "\"" + (one.is_weak ? ", style=dashed" : "") +
           "];\n";
  }
  return out + "}\n";
}

}  // namespace tidings::cli
