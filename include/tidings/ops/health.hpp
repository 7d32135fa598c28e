#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/clock.hpp"
#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

/// Whether a process can do its work, what it depends on, and why not.
namespace tidings::ops {

enum class HealthStatus {
  up,
  degraded,  ///< somebody should look, but it does its work: it stays ready
  down,      ///< it cannot do its work: not ready
};
/// `up`, `degraded`, `down`.
[[nodiscard]] std::string_view name_of(HealthStatus status);

/// What a check came to; an `Error` is `down`.
struct HealthFinding {
  HealthStatus status = HealthStatus::up;
  std::string reason{};  ///< empty where it is up
};
/// Called on a thread of `Health`'s, never twice at once. It should have a deadline of its own.
using HealthCheck = std::function<Result<HealthFinding>()>;

struct HealthOptions {
  Duration every = std::chrono::seconds{5};     ///< from its end to the next; from 1 ms to 24 h, or it is as near to it
  Duration deadline = std::chrono::seconds{5};  ///< one that takes longer is `down`, until it comes back; likewise
  /// `stop` waits for it however long: what it refers to goes then. It has deadlines of its own.
  bool must_end = false;
};

/// A check, as it stands.
struct HealthEntry {
  std::string name;
  HealthStatus status = HealthStatus::up;
  std::string reason;
  TimePoint since{};  ///< it has had this status
};

struct HealthReport {
  bool is_ready = true;  ///< nothing is down
  std::vector<HealthEntry> checks;
  /// `{"status":"up","checks":[{"name":…,"status":…,"reason":…,"since":…}]}`
  [[nodiscard]] std::string json() const;
};

/// Named checks, made again and again in the background by few threads; who asks gets what was found last, at once. A
/// check that hangs is `down` by its deadline and holds up no other, nor who asks. Thread-safe.
class Health {
 public:
  /// `clock` says since when a check has its status, and outlives this and what hangs.
  explicit Health(Clock& clock = system_clock());
  /// As `stop`.
  ~Health();
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  /// Another under a name replaces it. A new one is `down`, "not looked at yet", until it has been made; it is made
  /// within milliseconds once checks run. What throws is `down`.
  void add(std::string_view name, HealthCheck check, const HealthOptions& options = {});
  /// One that somebody else knows, who says so by `set`.
  void set(std::string_view name, HealthStatus status, std::string_view reason = {});
  /// Told no more; one that runs is not waited for. Nothing where there is none of that name.
  void remove(std::string_view name);

  /// From now on checks are made. A second time, or after `stop`, it does nothing.
  void start();
  /// Waits for checks that run, for two seconds at most, but for `must_end`. One that hangs longer is left to its
  /// thread: what it refers to must then live as long as the process.
  void stop();

  /// Without a wait, in the order of names.
  [[nodiscard]] HealthReport look() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace tidings::ops
