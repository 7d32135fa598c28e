#include "combinations.hpp"

#include "scaffold/record.hpp"
#include "scaffold/resolve.hpp"
#include "scaffold/warnings.hpp"

namespace tidings::cli {

namespace {

constexpr std::string_view incomplete = "capabilities-incomplete";
constexpr std::string_view incomplete_happens =
    "The program lacks what its parts stand on, and fails when it is built, or when it starts.";

/// `a, b or c`.
std::string listed(const std::vector<std::string>& names, const std::string& last) {
  std::string out;
  for (std::size_t at = 0; at < names.size(); ++at)
    out += (at == 0 ? "" : at + 1 == names.size() ? " " + last + " " : ", ") + names[at];
  return out;
}

std::string found_by(const scaffold::WarningRule& rule) {
  auto out = "A project that has " + listed(rule.has_all, "and");
  if (!rule.has_any.empty()) out += (rule.has_all.empty() ? "" : ", and ") + listed(rule.has_any, "or");
  if (!rule.lacks_all.empty()) out += ", without " + listed(rule.lacks_all, "or");
  if (!rule.lacks_any.empty()) out += ", and not all of " + listed(rule.lacks_any, "and");
  return out + ".";
}

std::string record_of(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "\"" : ", \"") + name + "\"";
  return "# tidings.toml\ncapabilities = [" + out + "]\n";
}

}  // namespace

std::vector<check::RuleText> combination_rules(const scaffold::Catalogue& catalogue) {
  std::vector<check::RuleText> rules;
  rules.push_back({.id = std::string(incomplete),
                   .severity = Severity::error,
                   .finds = "Capabilities in tidings.toml that lack what they require, or that do not go together.",
                   .can_happen = std::string(incomplete_happens),
                   .to_do = "tidings add what is missing, or take out what does not go with the rest.",
                   .bad = record_of({"outbox"}),
                   .good = record_of({"outbox", "sqlite"})});
  for (const auto& one : catalogue.warnings) {
    auto names = one.has_all;
    if (!one.has_any.empty()) names.push_back(one.has_any.front());
    const auto bad = record_of(names);
    names.insert(names.end(), one.lacks_all.begin(), one.lacks_all.end());
    if (one.lacks_all.empty()) names.insert(names.end(), one.lacks_any.begin(), one.lacks_any.end());
    const bool is_mended = names.size() > one.has_all.size() + (one.has_any.empty() ? 0 : 1);
    rules.push_back(
        {.id = one.id,
         .severity = one.severity,
         .finds = found_by(one),
         .can_happen = one.happens,
         .to_do = one.what_to_do,
         .bad = bad,
         .good = is_mended ? record_of(names) : bad + "[acknowledged]\n" + one.id + " = \"why it is right\"\n"});
  }
  return rules;
}

Result<std::vector<check::Finding>> combination_findings(const check::Project& project,
                                                         const scaffold::Catalogue& catalogue) {
  std::vector<check::Finding> findings;
  if (!project.has_record) return findings;
  const auto shown = project.name_of(scaffold::record_file);
  auto record = scaffold::read_settings_record(project.record, shown);
  if (!record) return record.error();
  if (auto fine = scaffold::check_acknowledged(catalogue, record->acknowledged, shown); !fine) return fine.error();
  if (record->capabilities_line == 0) return findings;  // no project of 'tidings new'
  record = scaffold::read_record(project.record, shown);
  if (!record) return record.error();
  const auto line = static_cast<std::uint32_t>(record->capabilities_line);
  const std::set<std::string> all(record->capabilities.begin(), record->capabilities.end());
  const auto in_record = [&](const Error& error) { return Error{error.code, shown + ": " + error.message}; };
  for (const auto& name : all)
    if (!catalogue.capabilities.contains(name)) return in_record(scaffold::unknown_capability(catalogue, name));
  const auto add = [&](check::Finding finding) {
    const auto said = project.settings.severities.find(finding.rule);
    if (said != project.settings.severities.end()) finding.severity = said->second;
    if (finding.severity != Severity::off) findings.push_back(std::move(finding));
  };
  const auto tell = [&](std::string what, std::string to_do) {
    add({.rule = std::string(incomplete),
         .severity = Severity::error,
         .file = shown,
         .line = line,
         .what = std::move(what),
         .can_happen = std::string(incomplete_happens),
         .to_do = std::move(to_do)});
  };
  const auto lacks = scaffold::lacking(catalogue, all);
  if (!lacks && lacks.error().code != "capability_conflict") return in_record(lacks.error());
  if (!lacks) {
    tell(lacks.error().message, "Take one of them out of tidings.toml, and say tidings add with any that is there.");
  } else {
    for (const auto& one : *lacks)
      tell("there is no " + one.capability + ": " + one.because,
           "tidings add " + one.capability + ", or another that does.");
  }
  for (auto& one : scaffold::warnings(catalogue, all, record->acknowledged))
    add({.rule = one.id,
         .severity = one.severity,
         .file = shown,
         .line = line,
         .what = "these capabilities hurt in production",
         .can_happen = std::move(one.happens),
         .to_do = std::move(one.what_to_do)});
  return findings;
}

}  // namespace tidings::cli
