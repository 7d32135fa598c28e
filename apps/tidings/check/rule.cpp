#include "check/rule.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "check/allowing.hpp"

namespace tidings::check {

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const auto* rule : rules()) names.emplace_back(rule->id);
  return names;
}

std::vector<RuleText> rule_texts() {
  std::vector<RuleText> texts;
  for (const auto* rule : rules())
    texts.push_back({.id = std::string(rule->id),
                     .severity = rule->severity,
                     .finds = std::string(rule->finds),
                     .can_happen = std::string(rule->can_happen),
                     .to_do = std::string(rule->to_do),
                     .bad = std::string(rule->bad),
                     .good = std::string(rule->good)});
  return texts;
}

void Sink::add(const Project& project, const File& file, std::uint32_t token, std::string what, Severity at_most) {
  const auto& tokens = file.tokens();
  const bool is_there = token < tokens.size();
  put(project, &file, file.shown, is_there ? tokens[token].line : 1, is_there ? tokens[token].column : 1,
      std::move(what), at_most);
}

void Sink::add_line(const Project& project, const File& file, std::uint32_t line, std::string what) {
  put(project, &file, file.shown, line, 1, std::move(what), Severity::error);
}

void Sink::add_elsewhere(const Project& project, std::string path, std::uint32_t line, std::string what,
                         Severity at_most, std::string_view to_do) {
  put(project, nullptr, std::move(path), line, 1, std::move(what), at_most, to_do);
}

void Sink::put(const Project& project, const File* file, std::string path, std::uint32_t line, std::uint32_t column,
               std::string what, Severity at_most, std::string_view to_do) {
  if (file != nullptr && (file->is_test || file->is_generated || allowances_->allow(*file, rule_->id, line))) return;
  const auto said = project.settings.severities.find(rule_->id);
  const auto severity = said != project.settings.severities.end() ? said->second : std::max(rule_->severity, at_most);
  if (severity == Severity::off) return;
  out_->push_back({.rule = std::string(rule_->id),
                   .severity = severity,
                   .file = std::move(path),
                   .line = line,
                   .column = column,
                   .what = std::move(what),
                   .can_happen = std::string(rule_->can_happen),
                   .to_do = std::string(to_do.empty() ? rule_->to_do : to_do)});
}

std::vector<Finding> find(std::span<const Project* const> projects) {
  Workspace workspace;
  for (const auto* one : projects) workspace.projects.push_back(std::make_unique<Workspace::One>(*one));
  std::vector<Finding> found;
  Allowances allowances;
  for (const auto* rule : rules()) {
    Sink sink(*rule, allowances, found);
    rule->run(workspace, sink);
  }
  std::set<std::string_view> once;
  for (const auto* rule : rules())
    if (rule->once_a_place) once.insert(rule->id);
  const auto place = [](const Finding& one) { return std::tie(one.file, one.line, one.column, one.rule); };
  const auto order = [](const Finding& one) {  // the heaviest first: it stays where one is told of once
    return std::tie(one.file, one.line, one.column, one.rule, one.severity, one.what);
  };
  std::ranges::sort(found, {}, order);
  const auto same = std::ranges::unique(found, [&](const Finding& a, const Finding& b) {
    return place(a) == place(b) && (a.what == b.what || once.contains(a.rule));
  });
  found.erase(same.begin(), same.end());
  return found;
}

}  // namespace tidings::check
