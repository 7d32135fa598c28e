#include "combinations.hpp"

#include "scaffold/record.hpp"
#include "scaffold/resolve.hpp"
#include "scaffold/sources.hpp"
#include "scaffold/warnings.hpp"
#include "tidings/base/atomic_file.hpp"

namespace tidings::cli {

namespace {

check::Severity severity_of(scaffold::Severity severity) {
  switch (severity) {
    case scaffold::Severity::critical:
      return check::Severity::error;
    case scaffold::Severity::warning:
      return check::Severity::warning;
    case scaffold::Severity::advice:
      break;
  }
  return check::Severity::advice;
}

/// Of the line that names the capabilities; 0: none does.
std::uint32_t line_of_capabilities(std::string_view text) {
  constexpr std::string_view key = "capabilities";
  std::uint32_t number = 0;
  while (!text.empty()) {
    ++number;
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.starts_with('[')) break;  // a table begins: it is a key of the record itself
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.starts_with('=')) return number;
  }
  return 0;
}

}  // namespace

Result<std::vector<check::Finding>> combination_findings(const check::Project& project,
                                                         const std::vector<std::string>& capabilities) {
  std::vector<check::Finding> findings;
  if (!project.has_record) return findings;
  const auto text = read_file(project.folder + "/" + scaffold::record_file);
  if (!text) return text.error();
  const auto line = line_of_capabilities(*text);
  if (line == 0) return findings;
  const auto shown = project.name_of(scaffold::record_file);
  auto record = scaffold::read_record(*text, shown);
  if (!record) return record.error();
  auto catalogue = scaffold::load_catalogue(capabilities);
  if (!catalogue) return catalogue.error();
  if (auto fine = scaffold::check_acknowledged(*catalogue, record->acknowledged, shown); !fine) return fine.error();
  const std::set<std::string> all(record->capabilities.begin(), record->capabilities.end());
  const auto in_record = [&](const Error& error) { return Error{error.code, shown + ": " + error.message}; };
  for (const auto& name : all)
    if (!catalogue->capabilities.contains(name)) return in_record(scaffold::unknown_capability(*catalogue, name));
  const auto tell = [&](std::string what, std::string to_do) {
    findings.push_back(
        {.rule = "capabilities-incomplete",
         .severity = check::Severity::error,
         .file = shown,
         .line = line,
         .what = std::move(what),
         .can_happen = "The program lacks what its parts stand on, and fails when it is built, or when it starts.",
         .to_do = std::move(to_do)});
  };
  const auto lacks = scaffold::lacking(*catalogue, all);
  if (!lacks && lacks.error().code != "capability_conflict") return in_record(lacks.error());
  if (!lacks) {
    tell(lacks.error().message, "Take one of them out of tidings.toml, and say tidings add with any that is there.");
  } else {
    for (const auto& one : *lacks)
      tell("there is no " + one.capability + ": " + one.because,
           "tidings add " + one.capability + ", or another that does.");
  }
  for (auto& one : scaffold::warnings(*catalogue, all, record->acknowledged))
    findings.push_back({.rule = one.id,
                        .severity = severity_of(one.severity),
                        .file = shown,
                        .line = line,
                        .what = "these capabilities hurt in production: " + one.id,
                        .can_happen = std::move(one.happens),
                        .to_do = std::move(one.what_to_do)});
  return findings;
}

}  // namespace tidings::cli
