#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "service/host.hpp"
#include "tidings/service/audit.hpp"

namespace tidings::service {

/// Compares, again and again, what groups have counted with what their positions have passed, and tells of what does
/// not add up and of groups that stand still while their lag grows. Thread-safe.
class Audit {
 public:
  /// A group to look at.
  struct Subject {
    std::string handler;
    std::string group;
    std::string topic;  // as users know it
    std::string broker_topic;
    std::function<std::string()> state;  // why it may stand still: "paused"; empty: nothing known
  };

  explicit Audit(Host& host) : host_(host) {}

  void add(Subject subject) {
    const std::scoped_lock lock(mutex_);
    subjects_.push_back(std::move(subject));
  }

  /// Errors: `unsupported` (never) where the broker's counters are not exact; else the first of the broker's: what
  /// could be looked at was compared, and told of, all the same.
  Result<std::vector<Audited>> look();
  /// What the last look found, as far as it could; waits for nobody.
  [[nodiscard]] std::vector<Audited> last() const {
    const std::scoped_lock lock(last_mutex_);
    return last_;
  }
  /// Whether it stands still while its lag grows, for so long that it is told of.
  [[nodiscard]] static bool is_stalled(const Audited& one);

 private:
  struct Seen {
    std::uint64_t position = 0;
    std::uint64_t total = 0;
    std::uint64_t gaps = 0;
    bool gaps_told = false;
    std::int64_t difference = 0;
    bool difference_told = false;
    SteadyTime stood_since{};
    std::uint64_t pending_then = 0;
    bool standstill_told = false;
  };
  void compare(Audited& now, Seen& seen, bool is_first);
  void tell_gaps(const Audited& now, Seen& seen, bool is_first) const;
  void watch(Audited& now, Seen& seen, bool is_first, const Subject& subject);

  Host& host_;
  std::vector<Subject> subjects_;
  std::mutex mutex_;
  mutable std::mutex last_mutex_;
  std::vector<Audited> last_;
  std::map<std::pair<std::size_t, std::uint32_t>, Seen> seen_;  // by subject and partition
};

}  // namespace tidings::service
