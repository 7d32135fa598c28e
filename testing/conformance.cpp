#include "tidings/testing/conformance.hpp"

namespace tidings::testing {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "passed";
    case Verdict::failed:
      return "failed";
    case Verdict::unsupported:
      return "unsupported";
  }
  return "unknown";
}

std::string to_text(std::span<const CaseReport> reports) {
  std::string text;
  for (const auto& report : reports) {
    text += std::string(to_string(report.verdict)) + "  " + report.name + "\n";
    for (const auto& reason : report.reasons) text += "    " + reason + "\n";
  }
  return text;
}

}  // namespace tidings::testing
