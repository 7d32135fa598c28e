#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "check/allowing.hpp"
#include "check/facts.hpp"
#include "check/finding.hpp"

namespace tidings::check {

class Sink;

/// All projects that were given, as rules see them.
struct Workspace {
  struct One {
    const Project* project;
    Code code;
    Facts facts;
    explicit One(const Project& of) : project(&of), code(of), facts(code) {}
    One(const One&) = delete;
    One& operator=(const One&) = delete;
  };
  std::vector<std::unique_ptr<One>> projects;
};

/// A detector. What it is not sure of it does not tell.
struct Rule {
  std::string_view id;
  Severity severity = Severity::warning;
  std::string_view finds;       ///< one sentence
  std::string_view can_happen;  ///< likewise
  std::string_view to_do;       ///< likewise
  std::string_view bad, good;   ///< examples; a test sees that the first is found and the second is not
  bool needs_others = false;    ///< it may find nothing for want of other services, or of what is built
  bool once_a_place = false;    ///< what several handlers reach is told of once
  void (*run)(const Workspace&, Sink&) = nullptr;
};

/// What a rule says of itself; also one of what others find, such as capabilities that hurt together.
struct RuleText {
  std::string id;
  Severity severity = Severity::warning;
  std::string finds, can_happen, to_do, bad, good;
};

[[nodiscard]] std::span<const Rule* const> rules();
/// Those of `rules`.
[[nodiscard]] std::vector<RuleText> rule_texts();
[[nodiscard]] std::vector<std::string> rule_names();

/// Takes findings, and leaves out what is allowed where it stands, what settings turn off, and what tests do.
class Sink {
 public:
  Sink(const Rule& rule, Allowances& allowances, std::vector<Finding>& out)
      : rule_(&rule), allowances_(&allowances), out_(&out) {}
  void add(const Project& project, const File& file, std::uint32_t token, std::string what,
           Severity at_most = Severity::error);
  void add_line(const Project& project, const File& file, std::uint32_t line, std::string what);
  /// What nothing needed that the rules before this one found.
  [[nodiscard]] std::vector<Allowance> unused_allowances(const File& file) { return allowances_->unused(file); }
  /// In what is no source. `to_do`: where it is not the rule's.
  void add_elsewhere(const Project& project, std::string path, std::uint32_t line, std::string what,
                     Severity at_most = Severity::error, std::string_view to_do = {});

 private:
  void put(const Project& project, const File* file, std::string path, std::uint32_t line, std::uint32_t column,
           std::string what, Severity at_most, std::string_view to_do = {});
  const Rule* rule_;
  Allowances* allowances_;
  std::vector<Finding>* out_;
};

/// What all rules find, in the order of files and lines. Thread-safe as long as the projects stay as they are.
[[nodiscard]] std::vector<Finding> find(std::span<const Project* const> projects);

}  // namespace tidings::check
