#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "log/window.hpp"
#include "tidings/log/verify.hpp"

namespace tidings::log {

/// Findings of one partition or one file, kept until they are sure: what changed while it was read is read again. Of
/// one kind in one file only the first are kept, the others counted, so that a hostile file fills no memory.
class Findings {
 public:
  static constexpr std::uint64_t kept_max = 16;

  void add(Finding finding);
  void clear() { *this = {}; }
  [[nodiscard]] bool has_errors() const { return has_errors_; }
  /// In the order of adding; behind the kept ones of a kind one that says how many more there are.
  [[nodiscard]] std::vector<Finding> take();

 private:
  std::vector<Finding> kept_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> counts_;  // by file and code
  bool has_errors_ = false;
};

/// What all parts of one verification share.
struct Checking {
  explicit Checking(const VerifyOptions& with) : options(with) {
    window.on_read = [this](std::uint64_t position) {
      progress.bytes = segments_done + std::min(position, segment_bytes);
      progress.events = summary.events;
      return !options.on_progress || options.on_progress(progress);
    };
  }
  Checking(const Checking&) = delete;
  Checking& operator=(const Checking&) = delete;

  const VerifyOptions& options;
  std::optional<std::array<char, 40>> boot;  ///< nullopt: the machine does not tell
  VerifySummary summary;
  Findings findings;
  Window window;
  VerifyProgress progress;
  std::uint64_t segments_done = 0;  ///< their bytes
  std::uint64_t segment_bytes = 0;  ///< of the one that is read

  void note(std::string code, std::string file, std::string why) {
    findings.add({Severity::note, std::move(code), std::move(file), {}, {}, std::move(why)});
  }
  void error(std::string code, std::string file, std::string why) {
    findings.add({Severity::error, std::move(code), std::move(file), {}, {}, std::move(why)});
  }
  /// A call failed on a file that must be readable. Gives `interrupted` back, which ends all.
  [[nodiscard]] Result<> failed(const Error& error, const std::string& file);
  /// Hands out the findings.
  void tell();
};

/// A file that has no business where it stands, or a draft.
void check_stray(Checking& checking, const std::string& file, const std::string& name);

}  // namespace tidings::log
