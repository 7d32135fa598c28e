#include "tidings/ops/health.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "tidings/base/guarded.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json.hpp"

namespace tidings::ops {

namespace {

using namespace std::chrono_literals;

constexpr Duration stop_wait = 2s;
constexpr Duration hang_after = 50ms;  // others get a thread of their own then
constexpr Duration time_min = 1ms, time_max = 24h;
constexpr Duration look_most = 1s;  // for how long who gives the checks out sleeps at most

}  // namespace

std::string_view name_of(HealthStatus status) {
  constexpr std::string_view names[] = {"up", "degraded", "down"};
  return names[static_cast<int>(status)];
}

std::string HealthReport::json() const {
  std::string out = R"({"status":")";
  auto worst = HealthStatus::up;
  for (const auto& check : checks) worst = std::max(worst, check.status);
  out.append(name_of(worst)).append(R"(","checks":[)");
  for (const auto& check : checks) {
    if (out.back() != '[') out += ',';
    out += R"({"name":)";
    append_json_string(out, printable(check.name));
    out.append(R"(,"status":")").append(name_of(check.status)).append(R"(","reason":)");
    append_json_string(out, printable(check.reason));
    out.append(R"(,"since":")").append(to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(check.since)));
    out += "\"}";
  }
  return out + "]}\n";
}

/// One thread gives checks out when they are due, to others: one as a rule, and one more for each that hangs. All of
/// them hold on to this, and so outlive who asked for them.
struct Health::Shared : std::enable_shared_from_this<Shared> {
  struct Entry {
    std::shared_ptr<const HealthCheck> check{};  // none: it is set
    HealthOptions options{};
    HealthStatus status = HealthStatus::down;
    std::string reason = "not looked at yet";
    TimePoint since{};
    SteadyTime due{};
    bool runs = false;
    SteadyTime began{};
    std::uint64_t generation = 0;
  };

  explicit Shared(Clock& of) : clock(of) {}

  Clock& clock;
  mutable std::mutex mutex;
  std::condition_variable changed;  // for who gives out
  std::condition_variable work;     // for who makes checks
  std::condition_variable ended;
  std::map<std::string, Entry, std::less<>> entries;
  std::vector<std::string> given;  // out, and not begun
  std::uint64_t generations = 0;
  SteadyTime moved{};  // one of them was begun last
  std::size_t idle = 0;
  std::size_t makers = 0;
  std::size_t alive = 0;
  std::size_t must_end_count = 0;  // checks of these that run
  bool stopping = false;
  bool started = false;

  void note(Entry& entry, HealthStatus status, std::string_view reason) const {
    if (entry.status != status) entry.since = clock.now();
    entry.status = status;
    entry.reason = reason;
  }

  /// Under the lock.
  void begin_thread(void (Shared::*loop)()) {
    ++alive;
    std::thread([self = shared_from_this(), loop] {
      (self.get()->*loop)();
      const std::scoped_lock lock(self->mutex);
      --self->alive;
      self->ended.notify_all();
    }).detach();  // tidings: allow(detached-thread): a check may hang for ever; it holds all that it uses itself
  }

  void give_out() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      const auto now = steady_now();
      auto next = now + look_most;
      for (auto& [name, entry] : entries) {
        if (!entry.check) continue;
        if (entry.runs) {
          const auto until = entry.began + entry.options.deadline;
          if (now < until)
            next = std::min(next, until);
          else
            note(entry, HealthStatus::down, "no answer for " + to_text(entry.options.deadline));
          continue;
        }
        if (entry.due <= now) {
          entry.runs = true;
          entry.began = now;
          if (given.empty()) moved = now;
          given.push_back(name);
        } else {
          next = std::min(next, entry.due);
        }
      }
      if (!given.empty()) {
        if (idle > 0) {
          work.notify_one();
        } else if (makers == 0 || now - moved >= hang_after) {
          ++makers;
          moved = now;
          begin_thread(&Shared::make);
        }
        next = std::min<SteadyTime>(next, now + hang_after);
      }
      changed.wait_until(lock, next);
    }
  }

  void make() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      if (given.empty()) {
        if (idle > 0) break;  // one that waits is enough
        ++idle;
        work.wait(lock, [&] { return stopping || !given.empty(); });
        --idle;
        continue;
      }
      const auto name = std::move(given.front());
      given.erase(given.begin());
      moved = steady_now();
      const auto at = entries.find(name);
      if (at == entries.end() || !at->second.check) continue;
      at->second.began = steady_now();
      const auto check = at->second.check;
      const auto must_end = at->second.options.must_end ? 1U : 0U;
      must_end_count += must_end;
      const auto generation = at->second.generation;
      lock.unlock();
      const auto found = guarded([&] { return (*check)(); });
      lock.lock();
      must_end_count -= must_end;
      ended.notify_all();
      const auto again = entries.find(name);
      if (again == entries.end() || again->second.generation != generation) continue;
      auto& entry = again->second;
      entry.runs = false;
      entry.due = steady_now() + entry.options.every;
      if (found)
        note(entry, found->status, found->reason);
      else
        note(entry, HealthStatus::down, to_string(found.error()));
      changed.notify_one();
    }
    --makers;
  }
};

Health::Health(Clock& clock) : shared_(std::make_shared<Shared>(clock)) {}
Health::~Health() {
  stop();
}

void Health::add(std::string_view name, HealthCheck check, const HealthOptions& options) {
  const std::scoped_lock lock(shared_->mutex);
  auto& entry = shared_->entries[std::string(name)];
  entry = {.check = std::make_shared<const HealthCheck>(std::move(check)),
           .options = {.every = std::clamp<Duration>(options.every, time_min, time_max),
                       .deadline = std::clamp<Duration>(options.deadline, time_min, time_max),
                       .must_end = options.must_end},
           .since = shared_->clock.now(),
           .generation = ++shared_->generations};
  shared_->changed.notify_one();
}

void Health::set(std::string_view name, HealthStatus status, std::string_view reason) {
  const std::scoped_lock lock(shared_->mutex);
  auto& entry = shared_->entries[std::string(name)];
  if (entry.since == TimePoint{} || entry.check)
    entry = {.since = shared_->clock.now(), .generation = ++shared_->generations};
  shared_->note(entry, status, reason);
}

void Health::remove(std::string_view name) {
  const std::scoped_lock lock(shared_->mutex);
  if (const auto at = shared_->entries.find(name); at != shared_->entries.end()) shared_->entries.erase(at);
}

void Health::start() {
  const std::scoped_lock lock(shared_->mutex);
  if (std::exchange(shared_->started, true) || shared_->stopping) return;
  shared_->begin_thread(&Shared::give_out);
}

void Health::stop() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->changed.notify_all();
  shared_->work.notify_all();
  (void)shared_->ended.wait_for(lock, stop_wait, [&] { return shared_->alive == 0; });
  shared_->ended.wait(lock, [&] { return shared_->must_end_count == 0; });
}

HealthReport Health::look() const {
  HealthReport report;
  const std::scoped_lock lock(shared_->mutex);
  const auto now = steady_now();
  for (const auto& [name, entry] : shared_->entries) {
    auto& told = report.checks.emplace_back(HealthEntry{name, entry.status, entry.reason, entry.since});
    // Whoever gives checks out may itself not have come to it on a busy machine.
    const auto late = now - entry.began - entry.options.deadline;
    if (entry.runs && late > Duration::zero() && told.status != HealthStatus::down) {
      told.status = HealthStatus::down;
      told.reason = "no answer for " + to_text(entry.options.deadline);
      told.since = shared_->clock.now();
    }
    report.is_ready = report.is_ready && told.status != HealthStatus::down;
  }
  return report;
}

}  // namespace tidings::ops
