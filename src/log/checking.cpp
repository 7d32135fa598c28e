#include "log/checking.hpp"

namespace tidings::log {

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::torn:
      return "torn";
    case Severity::error:
      break;
  }
  return "error";
}

void Findings::add(Finding finding) {
  has_errors_ |= finding.severity == Severity::error;
  if (++counts_[{finding.file, finding.code}] <= kept_max) kept_.push_back(std::move(finding));
}

std::vector<Finding> Findings::take() {
  std::map<std::pair<std::string, std::string>, std::uint64_t> seen;
  std::vector<Finding> all;
  for (auto& finding : kept_) {
    const std::pair key{finding.file, finding.code};
    const auto count = counts_[key];
    all.push_back(std::move(finding));
    if (++seen[key] != kept_max || count == kept_max) continue;
    auto more = all.back();
    more.byte = more.offset = std::nullopt;
    more.why = "and " + std::to_string(count - kept_max) + " more of these in this file";
    all.push_back(std::move(more));
  }
  clear();
  return all;
}

Result<> Checking::failed(const Error& error, const std::string& file) {
  if (error.code == "interrupted") return error;
  this->error(error.code, file, error.message);
  return {};
}

void Checking::tell() {
  for (const auto& finding : findings.take()) {
    switch (finding.severity) {
      case Severity::note:
        ++summary.notes;
        break;
      case Severity::torn:
        ++summary.torn;
        break;
      case Severity::error:
        ++summary.errors;
        summary.denied += finding.code == "permission_denied" ? 1 : 0;
        break;
    }
    if (options.on_finding) options.on_finding(finding);
  }
}

void check_stray(Checking& checking, const std::string& file, const std::string& name) {
  if (name.starts_with('~'))
    checking.note("draft", file, "a draft, left by a process that died, or being made just now; nobody reads it");
  else
    checking.note("foreign_file", file, "no file of a log; nobody reads it");
}

}  // namespace tidings::log
