#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <set>

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
#include "project_file.hpp"
#include "scaffold/sources.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {

namespace {

using check::Finding;

constexpr auto git_wait_max = std::chrono::seconds(60);

/// While something is waited for, or written: elsewhere a signal ends all at once, since rules look at none.
class Patient {
 public:
  Patient() { catch_signals(); }
  ~Patient() { end_at_signals(); }
  Patient(const Patient&) = delete;
  Patient& operator=(const Patient&) = delete;
};

Result<std::string> git(const std::string& folder, std::vector<std::string> arguments) {
  // Whatever a user has set, the output is the one that is read here.
  std::vector<std::string> words{
      "-C", folder, "-c", "core.quotePath=true", "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const Patient patient;  // git is ended with us
  return program_output("git", words, git_wait_max);
}

/// The parts of what git prints with `-z`.
std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto size = std::min(text.find('\0'), text.size());
    parts.emplace_back(text.substr(0, size));
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return parts;
}

/// The folder as it is staged.
Result<check::Snapshot> staged(const std::string& folder) {
  auto listed = git(folder, {"ls-files", "--stage", "-z"});
  if (!listed) return listed.error();
  auto changed = git(folder, {"diff", "--relative", "--name-only", "--no-ext-diff", "--no-renames", "-z", "--"});
  if (!changed) return changed.error();
  const auto names = parts_of(*changed);
  const std::set<std::string> differ(names.begin(), names.end());
  check::Snapshot snapshot;
  for (const auto& entry : parts_of(*listed)) {  // MODE OBJECT STAGE<tab>PATH
    const auto tab = std::min(entry.find('\t'), entry.size() - 1);
    const auto path = entry.substr(tab + 1);
    const bool is_file = entry.starts_with("100");
    if (!is_file) continue;
    snapshot.paths.insert(path);
    if (!check::is_project_path(path)) continue;
    const bool is_in_conflict = entry[tab - 1] != '0';  // it is staged in no way yet
    std::error_code failed;
    if (is_in_conflict || (!differ.contains(path) && std::filesystem::exists(folder + "/" + path, failed))) continue;
    auto text = git(folder, {"show", ":./" + path});
    if (!text) return text.error();
    snapshot.texts[path] = std::move(*text);
  }
  return snapshot;
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
  // Whatever attributes and settings say, it is of lines, as they are, and runs no program.
  std::vector<std::string> words{"diff",           "--relative",      "--unified=0",    "--inter-hunk-context=0",
                                 "--text",         "--no-color",      "--no-ext-diff",  "--no-textconv",
                                 "--find-renames", "--src-prefix=a/", "--dst-prefix=b/"};
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
  for (auto& path : parts_of(*others)) changes.add_file(std::move(path));
  return changes;
}

/// Leaves findings in lines that were changed. Of projects within each other the inner one says what was.
Result<> keep_changed(const std::vector<check::Project>& projects, const CheckArguments& arguments,
                      std::vector<Finding>& findings) {
  std::vector<std::pair<std::string, check::Changes>> all;
  for (const auto& project : projects) {
    auto changes = changes_of(project, arguments);
    if (!changes) return changes.error();
    all.emplace_back(project.name_of(""), std::move(*changes));
  }
  std::ranges::stable_sort(all, std::ranges::greater{}, [](const auto& one) { return one.first.size(); });
  std::erase_if(findings, [&](const Finding& one) {
    const auto owner = std::ranges::find_if(all, [&](const auto& of) { return one.file.starts_with(of.first); });
    return owner == all.end() || !owner->second.has(one.file.substr(owner->first.size()), one.line);
  });
  return {};
}

/// It could not look, or not say what it saw.
int give_up(const Error& error) {
  if (caught_signal() != 0) return status_after_signals(failed);
  complain(error);
  return wrong_usage;
}

int update(const std::vector<check::Project>& projects) {
  const Patient patient;  // files are written whole
  std::string out;
  for (const auto& project : projects) {
    const auto count = check::update_schemas(project);
    if (!count) return give_up(count.error());
    out += *count == 0 && !project.has_schemas
               ? printable(project.shown) + " has no events with traits; nothing is written\n"
               : printable(project.name_of("events.lock.json")) + " has " + std::to_string(*count) +
                     (*count == 1 ? " event\n" : " events\n");
  }
  return print(out);
}

/// Where a file stands, or none, it is written anew; into a pipe, a device, or what a shell has opened, as it is.
Result<> write_report(const std::string& path, const std::string& text) {
  std::error_code error;
  const bool is_link = std::filesystem::symlink_status(path, error).type() == std::filesystem::file_type::symlink;
  const bool is_opened = is_link && (path.starts_with("/dev/") || path.starts_with("/proc/"));  // `/dev/stdout`
  const auto linked = is_link ? std::filesystem::canonical(path, error) : std::filesystem::path(path);
  const auto type = std::filesystem::status(path, error).type();
  const bool is_new = type == std::filesystem::file_type::not_found && !linked.empty();
  if (!is_opened && (is_new || type == std::filesystem::file_type::regular))
    return write_project_file(linked.string(), text);
  const auto refused = [&] {
    return Error{"io_error", "cannot write " + printable(path) + ": " + std::generic_category().message(errno)};
  };
  const int to = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0666);
  if (to < 0) return refused();
  for (std::string_view rest = text; !rest.empty();) {
    const auto wrote = ::write(to, rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR && caught_signal() == 0) continue;
    if (wrote < 0) {
      auto why = refused();
      ::close(to);
      return why;
    }
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (::close(to) != 0) return refused();
  return {};
}

/// Prints all that was found, writes the report; the exit status.
int tell(const Common& common, const CheckArguments& arguments, const std::vector<Finding>& findings,
         const std::vector<check::RuleText>& rules, bool has_looked) {
  const Patient patient;
  const auto sarif = arguments.sarif ? check::to_sarif(findings, arguments.version, rules) : std::string();
  const bool is_sarif_alone = arguments.sarif == "-";
  const auto text = is_sarif_alone ? sarif : common.json ? check::to_json_lines(findings) : check::to_text(findings);
  const auto status = print(text);
  if (status == failed) return wrong_usage;
  if (status != done) return status;
  // What was found is told, whatever becomes of the report.
  if (arguments.sarif && !is_sarif_alone)
    if (auto written = write_report(*arguments.sarif, sarif); !written) return give_up(written.error());
  if (!has_looked) return wrong_usage;
  return std::ranges::any_of(findings, [](const auto& one) { return one.severity == Severity::error; }) ? failed : done;
}

std::vector<std::string> names_of(const std::vector<check::RuleText>& rules) {
  std::vector<std::string> names;
  for (const auto& one : rules) names.push_back(one.id);
  return names;
}

int tell_rules(const Common& common, const CheckArguments& arguments, const std::vector<check::RuleText>& rules) {
  if (arguments.list_rules) return print(common.json ? check::rules_as_json(rules) : check::rules_as_text(rules));
  const auto text = check::rule_as_text(arguments.explain, rules);
  if (!text.empty()) return print(text);
  const auto known = names_of(rules);
  const auto near = nearest(arguments.explain, known);
  complain("there is no rule '" + printable(arguments.explain) + "'" +
           (near.empty() ? "; --list-rules has them" : "; did you mean '" + std::string(near) + "'?"));
  return wrong_usage;
}

}  // namespace

int check_project(const Common& common, const CheckArguments& arguments) {
  if (arguments.markdown) return print(check::rules_as_markdown(check::rule_texts()));
  // Where folders of a team's own are away, all but what they say can be looked at.
  auto catalogue = scaffold::load_catalogue(arguments.capabilities);
  std::optional<Error> missing;
  if (!catalogue) {
    missing = catalogue.error();
    catalogue = scaffold::load_catalogue({});
    if (!catalogue) return give_up(catalogue.error());
    complain(Error{missing->code,
                   missing->message + "; what these capabilities say is not known, and the rest is looked at"});
  }
  auto rules = check::rule_texts();
  for (auto& one : combination_rules(*catalogue)) rules.push_back(std::move(one));
  if (arguments.list_rules || !arguments.explain.empty()) {
    const auto status = tell_rules(common, arguments, rules);
    return status == done && missing && arguments.list_rules ? wrong_usage : status;
  }
  end_at_signals();
  std::vector<check::Project> projects;
  auto folders = arguments.folders.empty() ? std::vector<std::string>{"."} : arguments.folders;
  // `svc ./svc/src`: what stands in both has one name, and is told of once.
  for (auto& folder : folders)
    if (!folder.empty()) folder = std::filesystem::path(folder).lexically_normal().string();
  for (const auto& folder : folders) {
    std::optional<check::Snapshot> snapshot;
    // Outside of a work tree there is none, which is told where changes are asked for.
    if (arguments.staged && !folder.empty() && git(folder, {"rev-parse", "--is-inside-work-tree"})) {
      auto read = staged(folder);
      if (!read) return give_up(read.error());
      snapshot = std::move(*read);
    }
    auto project = check::read_project({.folder = folder,
                                        .compile_commands = arguments.compile_commands,
                                        .rules = missing ? std::vector<std::string>() : names_of(rules),
                                        .snapshot = std::move(snapshot)});
    if (!project) return give_up(project.error());
    for (const auto& note : project->notes) complain("note: " + printable(note));
    const bool is_there = std::ranges::any_of(projects, [&](const auto& one) { return one.folder == project->folder; });
    if (!is_there) projects.push_back(std::move(*project));
  }
  if (arguments.update_schemas) {
    // What cannot be read is not written over, nor left out of what is recorded.
    const auto broken = std::ranges::find_if(projects, [](const auto& one) { return !one.failures.empty(); });
    return broken == projects.end() ? update(projects) : give_up(broken->failures.front());
  }
  std::vector<const check::Project*> all;
  for (const auto& one : projects) all.push_back(&one);
  auto findings = check::find(all);
  bool has_looked = std::ranges::all_of(projects, [](const auto& one) { return one.failures.empty(); });
  for (const auto& project : projects) {
    auto more = combination_findings(project, *catalogue);
    if (!more && !missing) return give_up(more.error());
    if (!more) {
      complain(more.error());
      has_looked = false;
      continue;
    }
    findings.insert(findings.end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
  }
  if (!arguments.reference.empty() || arguments.staged)
    if (auto kept = keep_changed(projects, arguments, findings); !kept) return give_up(kept.error());
  const auto status = tell(common, arguments, findings, rules, has_looked);
  for (const auto& project : projects)
    for (const auto& failure : project.failures) complain(failure);
  return status;
}

}  // namespace tidings::cli
