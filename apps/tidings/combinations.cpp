#include "combinations.hpp"

#include "scaffold/record.hpp"
#include "scaffold/resolve.hpp"
#include "scaffold/sources.hpp"
#include "scaffold/toml.hpp"
#include "scaffold/warnings.hpp"

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

}  // namespace

Result<std::vector<check::Finding>> combination_findings(const check::Project& project,
                                                         const std::vector<std::string>& capabilities) {
  std::vector<check::Finding> findings;
  if (!project.has_record) return findings;
  const auto shown = project.name_of(scaffold::record_file);
  const auto table = scaffold::parse_toml(project.record, shown);
  if (!table) return table.error();
  if (table->find("capabilities") == nullptr) return findings;
  auto record = scaffold::read_record(project.record, shown);
  if (!record) return record.error();
  const auto line = static_cast<std::uint32_t>(record->capabilities_line);
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
