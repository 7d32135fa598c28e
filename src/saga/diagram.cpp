// State diagrams of sagas, in Mermaid's words (https://mermaid.js.org/syntax/stateDiagram.html). Nodes are called by
// number; what users have named stands in their texts alone.
#include <algorithm>
#include <map>

#include "tidings/base/text.hpp"
#include "tidings/saga/description.hpp"

namespace tidings::saga {

namespace {

/// As a text of a diagram: what would end it, or begin something else, is left out.
std::string clean(std::string_view text) {
  std::string made;
  for (const char c : text)
    made += c == ':' || c == '"' || c == '\n' || c == ';' || c == '#' || c == '%' || c == '{' || c == '}' ? ' ' : c;
  return printable(made);
}

std::string node(std::string_view id, std::string_view text) {
  return "  " + std::string(id) + ": " + clean(text) + "\n";
}
std::string edge(std::string_view from, std::string_view to, std::string_view text = {}) {
  return "  " + std::string(from) + " --> " + std::string(to) + (text.empty() ? "" : ": " + clean(text)) + "\n";
}

std::string any_of(const std::vector<Description::Event>& events) {
  std::string all;
  for (const auto& event : events) all += (all.empty() ? "" : " or ") + event.type;
  return all;
}

class Drawing {
 public:
  explicit Drawing(const Description& told) : told_(told) {
    for (std::size_t at = 0; at < told.steps.size(); ++at) stages_[told.steps[at].stage].push_back(at);
  }

  std::string draw() {
    out_ = "stateDiagram-v2\n";
    std::string from = "[*]";
    std::string because = any_of(told_.starts);
    for (const auto& [stage, steps] : stages_) {
      if (told_.pivot == stage) {
        out_ += node("pivot", "from here on nothing is undone") + edge(from, "pivot", because);
        from = "pivot";
        because.clear();
      }
      draw_stage(stage, steps, from, because);
    }
    if (told_.pivot && (stages_.empty() || *told_.pivot > stages_.rbegin()->first)) {
      out_ += node("pivot", "from here on nothing is undone") + edge(from, "pivot", because);
      from = "pivot";
      because.clear();
    }
    const auto ends = any_of(told_.completes);
    out_ += node("completed", "completed" + (ends.empty() ? "" : ", publishes " + ends)) +
            edge(from, "completed", because) + edge("completed", "[*]");
    if (can_fail_) draw_undoing();
    return std::move(out_);
  }

 private:
  static std::string step_node(std::size_t at) { return "s" + std::to_string(at); }

  /// From `from`, which is where it stands behind it then.
  void draw_stage(std::uint32_t stage, const std::vector<std::size_t>& steps, std::string& from, std::string& because) {
    if (steps.size() == 1) {
      const auto at = steps.front();
      draw_step(at);
      out_ += edge(from, step_node(at), because);
      from = step_node(at);
      because = any_of(told_.steps[at].act.done);
      return;
    }
    const auto fork = "fork" + std::to_string(stage);
    const auto join = "join" + std::to_string(stage);
    out_ += "  state " + fork + " <<fork>>\n  state " + join + " <<join>>\n" + edge(from, fork, because);
    for (const auto at : steps) {
      draw_step(at);
      out_ += edge(fork, step_node(at)) + edge(step_node(at), join, any_of(told_.steps[at].act.done));
    }
    from = join;
    because.clear();
  }

  void draw_step(std::size_t at) {
    const auto& step = told_.steps[at];
    out_ += node(step_node(at), step.name + ", sends " + step.act.sends.type +
                                    (step.is_conditional ? ", if the state says so" : "") +
                                    (step.remind_every.empty() ? "" : ", reminds every " + step.remind_every));
    if (told_.pivot && step.stage >= *told_.pivot) return;
    std::string why = any_of(step.act.failed);
    if (!step.act.within.empty())
      why += (why.empty() ? "" : " or ") + ("nothing within " + step.act.within) +
             (step.act.retries > 0 ? ", " + std::to_string(step.act.retries + 1) + " times" : "");
    if (why.empty()) return;
    can_fail_ = true;
    out_ += edge(step_node(at), "undoing", why);
  }

  /// What was done is undone in the opposite order.
  void draw_undoing() {
    out_ += node("undoing", "what was done is undone");
    std::string from = "undoing";
    for (auto stage = stages_.rbegin(); stage != stages_.rend(); ++stage) {
      if (told_.pivot && stage->first >= *told_.pivot) continue;
      std::vector<std::size_t> undone;
      for (const auto at : stage->second)
        if (told_.steps[at].undo) undone.push_back(at);
      draw_undoing_of(stage->first, undone, from);
    }
    const auto ends = any_of(told_.fails);
    out_ += node("failed", "failed" + (ends.empty() ? "" : ", publishes " + ends)) + edge(from, "failed") +
            edge("failed", "[*]");
  }

  /// At once, where they are several.
  void draw_undoing_of(std::uint32_t stage, const std::vector<std::size_t>& steps, std::string& from) {
    if (steps.empty()) return;
    std::string fork = from;
    std::string join;
    if (steps.size() > 1) {
      fork = "ufork" + std::to_string(stage);
      join = "ujoin" + std::to_string(stage);
      out_ += "  state " + fork + " <<fork>>\n  state " + join + " <<join>>\n" + edge(from, fork);
    }
    for (const auto at : steps) {
      const auto id = "u" + std::to_string(at);
      out_ += node(id, "undo " + told_.steps[at].name + ", sends " + told_.steps[at].undo->sends.type) + edge(fork, id);
      if (!join.empty()) out_ += edge(id, join);
      from = join.empty() ? id : join;
    }
  }

  const Description& told_;
  std::map<std::uint32_t, std::vector<std::size_t>> stages_;
  std::string out_;
  bool can_fail_ = false;
};

}  // namespace

std::string to_mermaid(const Description& description) {
  return Drawing(description).draw();
}

std::string to_mermaid(const Instance& instance) {
  std::string out = "stateDiagram-v2\n";
  std::string from = "[*]";
  for (std::size_t at = 0; at < instance.steps.size(); ++at) {
    const auto& step = instance.steps[at];
    const auto id = "s" + std::to_string(at);
    out += node(id, step.name + " (" + std::string(name_of(step.status)) + ")") + edge(from, id);
    from = id;
  }
  if (!instance.steps.empty() && is_over(instance.status)) out += edge(from, "[*]", name_of(instance.status));
  return out;
}

}  // namespace tidings::saga
