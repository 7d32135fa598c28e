#include "combinations.hpp"

#include "scaffold/record.hpp"
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
  for (const auto& name : all)
    if (!catalogue->capabilities.contains(name)) return scaffold::unknown_capability(*catalogue, name);
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
