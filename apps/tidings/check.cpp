#include <algorithm>
#include <chrono>
#include <map>

#include "check/changes.hpp"
#include "check/project.hpp"
#include "check/report.hpp"
#include "check/rule.hpp"
#include "check/schemas.hpp"
#include "combinations.hpp"
#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "program_output.hpp"
#include "tidings/base/atomic_file.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {

namespace {

using check::Finding;
using check::Severity;

constexpr auto git_wait_max = std::chrono::seconds(60);

Result<std::string> git(const std::string& folder, std::vector<std::string> arguments) {
  // Whatever a user has set, the output is the one that is read here.
  std::vector<std::string> words{
      "-C", folder, "-c", "core.quotePath=true", "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return program_output("git", words, git_wait_max);
}

/// Sources that are staged otherwise than they stand in the work tree, as they are staged.
Result<std::map<std::string, std::string>> staged_texts(const std::string& folder) {
  std::map<std::string, std::string> texts;
  auto changed = git(folder, {"diff", "--relative", "--name-only", "--no-ext-diff", "--diff-filter=M", "-z", "--"});
  if (!changed) return changed.error();
  for (std::string_view rest = *changed; !rest.empty();) {
    const auto size = std::min(rest.find('\0'), rest.size());
    const std::string path(rest.substr(0, size));
    rest.remove_prefix(std::min(size + 1, rest.size()));
    if (!check::is_source_path(path) && !check::is_header_path(path)) continue;
    auto text = git(folder, {"show", ":./" + path});
    if (!text) return text.error();
    texts[path] = std::move(*text);
  }
  return texts;
}

/// What was changed since `reference`, or is staged.
Result<check::Changes> changes_of(const check::Project& project, const CheckArguments& arguments) {
  const auto& folder = project.folder;
  if (auto inside = git(folder, {"rev-parse", "--is-inside-work-tree"}); !inside) {
    if (inside.error().code == "interrupted") return inside.error();
    return Error{"no_git",
                 "'" + printable(project.shown) +
                     "' is in no work tree of git, or there is no git: --diff and --staged ask it what was changed"};
  }
  std::vector<std::string> words{"diff",          "--relative",   "--unified=0",     "--no-color",
                                 "--no-ext-diff", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"};
  if (arguments.staged) {
    words.emplace_back("--cached");
  } else {
    auto known =
        git(folder, {"rev-parse", "--verify", "--quiet", "--end-of-options", arguments.reference + "^{commit}"});
    if (!known) {
      if (known.error().code == "interrupted") return known.error();
      return Error{"unknown_reference", "git knows no commit '" + printable(arguments.reference) + "' here"};
    }
    words.push_back(known->substr(0, known->find('\n')));
  }
  words.emplace_back("--");
  auto diff = git(folder, words);
  if (!diff) return diff.error();
  check::Changes changes;
  changes.add_diff(*diff);
  if (arguments.staged) return changes;
  auto others = git(folder, {"ls-files", "--others", "--exclude-standard", "-z"});
  if (!others) return others.error();
  for (std::string_view rest = *others; !rest.empty();) {
    const auto size = std::min(rest.find('\0'), rest.size());
    changes.add_file(std::string(rest.substr(0, size)));
    rest.remove_prefix(std::min(size + 1, rest.size()));
  }
  return changes;
}

/// Leaves findings in lines that were changed.
Result<> keep_changed(const std::vector<check::Project>& projects, const CheckArguments& arguments,
                      std::vector<Finding>& findings) {
  std::vector<Finding> kept;
  for (const auto& project : projects) {
    const auto changes = changes_of(project, arguments);
    if (!changes) return changes.error();
    const auto prefix = project.name_of("");
    for (const auto& one : findings)
      if (one.file.starts_with(prefix) && changes->has(one.file.substr(prefix.size()), one.line)) kept.push_back(one);
  }
  findings = std::move(kept);
  return {};
}

int update(const std::vector<check::Project>& projects) {
  std::string out;
  for (const auto& project : projects) {
    const auto count = check::update_schemas(project);
    if (!count) return fail(count.error());
    out += *count == 0 && !project.has_schemas
               ? printable(project.shown) + " has no events with traits; nothing is written\n"
               : printable(project.name_of("events.lock.json")) + " has " + std::to_string(*count) +
                     (*count == 1 ? " event\n" : " events\n");
  }
  return print(out);
}

int tell_rules(const Common& common, const CheckArguments& arguments) {
  if (arguments.markdown) return print(check::rules_as_markdown());
  if (arguments.list_rules) return print(common.json ? check::rules_as_json() : check::rules_as_text());
  const auto text = check::rule_as_text(arguments.explain);
  if (!text.empty()) return print(text);
  const auto known = check::rule_names();
  const auto near = nearest(arguments.explain, known);
  complain("there is no rule '" + printable(arguments.explain) + "'" +
           (near.empty() ? "; --list-rules has them" : "; did you mean '" + std::string(near) + "'?"));
  return wrong_usage;
}

}  // namespace

int check_project(const Common& common, const CheckArguments& arguments) {
  if (arguments.list_rules || arguments.markdown || !arguments.explain.empty()) return tell_rules(common, arguments);
  catch_signals();
  std::vector<check::Project> projects;
  const auto folders = arguments.folders.empty() ? std::vector<std::string>{"."} : arguments.folders;
  for (const auto& folder : folders) {
    std::map<std::string, std::string> instead;
    if (arguments.staged) {
      // Outside of a work tree there is none, which is told where changes are asked for.
      auto staged = staged_texts(folder);
      if (staged) instead = std::move(*staged);
    }
    auto project = check::read_project({.folder = folder,
                                        .compile_commands = arguments.compile_commands,
                                        .rules = check::rule_names(),
                                        .instead = std::move(instead)});
    if (!project) return fail(project.error());
    for (const auto& note : project->notes) complain("note: " + printable(note));
    const bool is_there = std::ranges::any_of(projects, [&](const auto& one) { return one.folder == project->folder; });
    if (!is_there) projects.push_back(std::move(*project));
  }
  if (arguments.update_schemas) return update(projects);
  std::vector<const check::Project*> all;
  for (const auto& one : projects) all.push_back(&one);
  auto findings = check::find(all);
  for (const auto& project : projects) {
    auto more = combination_findings(project, arguments.capabilities);
    if (!more) return fail(more.error());
    findings.insert(findings.end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
  }
  if (!arguments.reference.empty() || arguments.staged)
    if (auto kept = keep_changed(projects, arguments, findings); !kept) {
      if (caught_signal() != 0) return status_after_signals(failed);
      return fail(kept.error());
    }
  const bool has_errors =
      std::ranges::any_of(findings, [](const auto& one) { return one.severity == Severity::error; });
  if (arguments.sarif) {
    const auto text = check::to_sarif(findings, arguments.version);
    if (*arguments.sarif == "-") {
      if (const auto status = print(text); status != done) return status;
      return has_errors ? failed : done;
    }
    if (auto written = write_file_atomically(*arguments.sarif, text); !written) return fail(written.error());
  }
  const auto status = print(common.json ? check::to_json_lines(findings) : check::to_text(findings));
  return status != done ? status : has_errors ? failed : done;
}

}  // namespace tidings::cli
