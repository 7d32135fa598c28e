#include <set>

#include "check/allowing.hpp"
#include "check/rules/all.hpp"
#include "check/rules/words.hpp"
#include "tidings/base/text.hpp"

namespace tidings::check {

namespace {

bool is_installed(std::string_view path) {
  return path.starts_with("include/") || path.find("/include/") != std::string_view::npos;
}

void run_orphans(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code&, const Facts&) {
    // Only where CMake, and nothing else, says what is built.
    const bool is_certain = !project.has_other_build && std::ranges::any_of(project.cmake, [](const auto& one) {
      return one.path == "CMakeLists.txt";
    });
    if (!is_certain) return;
    std::set<std::string_view> included;
    for (const auto& file : project.files)
      for (const auto& include : file->source.includes) included.insert(file_name(include.path));
    for (const auto& file : project.files) {
      const auto& path = file->path;
      if (included.contains(file_name(path)) || is_installed(path)) continue;
      // Named with variables in it, or somewhere else: that may be it.
      const bool is_named = std::ranges::any_of(project.named_sources, [&](const auto& one) {
        return matches(one, path) || (one.find('*') == std::string::npos && file_name(one) == file_name(path));
      });
      if (is_named) continue;
      sink.add_line(project, *file, 1, file->is_header ? "nothing includes this header" : "no target has this source");
    }
  });
}

void run_god_files(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code&, const Facts&) {
    for (const auto& file : project.files) {
      const auto lines = file->source.lines;
      const auto includes = file->source.includes.size();
      if (lines > project.settings.lines_max)
        sink.add_line(project, *file, 1,
                      "this file has " + std::to_string(lines) + " lines, more than " +
                          std::to_string(project.settings.lines_max));
      if (includes > project.settings.includes_max)
        sink.add_line(project, *file, 1,
                      "this file includes " + std::to_string(includes) + " others, more than " +
                          std::to_string(project.settings.includes_max));
    }
  });
}

void run_allowances(const Workspace& workspace, Sink& sink) {
  const auto known = rule_names();
  each(workspace, [&](const Project& project, const Code&, const Facts&) {
    for (const auto& file : project.files)
      for (const auto& one : allowances(*file)) {
        if (std::ranges::find(known, one.rule) == known.end()) {
          const auto near = nearest(one.rule, known);
          sink.add_line(project, *file, one.line,
                        "there is no rule " + quoted(one.rule) +
                            (near.empty() ? std::string() : "; did you mean " + quoted(near) + "?"));
        } else if (one.reason.empty()) {
          sink.add_line(project, *file, one.line,
                        "this allows " + quoted(one.rule) + " without a reason, which counts for nothing");
        }
      }
  });
}

void run_stale(const Workspace& workspace, Sink& sink) {
  // Whether those that need others would have found something, nobody knows who does not have them.
  const auto is_sure = [](const Project& project, std::string_view id) {
    const auto said = project.settings.severities.find(id);
    if (said != project.settings.severities.end() && said->second == Severity::off) return false;
    return std::ranges::any_of(
        rules(), [&](const Rule* one) { return one->id == id && !one->needs_others && one->id != stale_allow.id; });
  };
  each(workspace, [&](const Project& project, const Code&, const Facts&) {
    for (const auto& file : project.files)
      if (!file->is_test && !file->is_generated)
        for (const auto& one : sink.unused_allowances(*file))
          if (is_sure(project, one.rule))
            sink.add_line(project, *file, one.line,
                          "this allows " + quoted(one.rule) + ", of which nothing is found here any more");
  });
}

}  // namespace

const Rule orphan_file{
    .id = "orphan-file",
    .severity = Severity::advice,
    .finds =
        "A source that no target has, or a header that nothing includes. Only where CMake alone says what is built; a "
        "name with variables in it may be any.",
    .can_happen = "It is read, changed and trusted, and never compiled.",
    .to_do = "Add it to its target, or delete it.",
    .bad = "# CMakeLists.txt\nadd_executable(orders src/main.cpp)   # src/refunds.cpp stands beside it\n",
    .good = "# CMakeLists.txt\nadd_executable(orders src/main.cpp src/refunds.cpp)\n",
    .needs_others = true,
    .run = run_orphans};

const Rule god_file{.id = "god-file",
                    .severity = Severity::advice,
                    .finds =
                        "A file of more than 1,500 lines, or that includes more than 60 others; [check.limits] sets "
                        "`lines` and `includes`.",
                    .can_happen =
                        "Everybody changes it, and nobody knows all of it: conflicts, slow builds, and code that "
                        "cannot be tested by itself.",
                    .to_do = "Cut it by what its parts are for.",
                    .bad = "# tidings.toml\n[check.limits]\nlines = 500      # and src/orders.cpp has 800\n",
                    .good = "# tidings.toml\n[check.limits]\nlines = 500      # and src/orders.cpp has 300\n",
                    .run = run_god_files};

const Rule allow_without_reason{
    .id = "allow-without-reason",
    .severity = Severity::warning,
    .finds = "`// tidings: allow(rule)` without a reason behind it, or of a rule that there is not.",
    .can_happen = "It allows nothing; and nobody can tell later whether it should.",
    .to_do = "Write `// tidings: allow(rule): the reason`.",
    .bad =
        "#include <thread>\nvoid warm(Cache& cache) {\n  std::jthread worker([&] { cache.load(); });  // tidings: "
        "allow(detached-thread)\n}\n",
    .good =
        "#include <thread>\nvoid warm(Cache& cache) {\n  // tidings: allow(detached-thread): it ends by itself, and "
        "touches nothing of ours\n  std::thread([] { warm_pages(); }).detach();\n}\n",
    .run = run_allowances};

const Rule stale_allow{
    .id = "stale-allow",
    .severity = Severity::advice,
    .finds =
        "`// tidings: allow(rule): reason` where the rule finds nothing. Not of rules that are off, or that need other "
        "services or a build folder to find something.",
    .can_happen = "Whatever is written there next is allowed too, for a reason that was another's.",
    .to_do = "Take the comment out, or put it where the finding is now.",
    .bad =
        "#include <thread>\nvoid warm(Cache& cache) {\n  // tidings: allow(detached-thread): it ends by itself\n  "
        "std::jthread([&cache] { cache.load(); }).join();\n}\n",
    .good =
        "#include <thread>\nvoid warm(Cache& cache) {\n  // tidings: allow(detached-thread): it ends by itself\n  "
        "std::thread([&cache] { cache.load(); }).detach();\n}\n",
    .run = run_stale};

}  // namespace tidings::check
