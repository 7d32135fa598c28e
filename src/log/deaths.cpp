#include "log/deaths.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace tidings::log {
namespace {

using namespace std::chrono_literals;

// After it was heard that a file was closed: its locks fall some microseconds later, and the other files of a process
// that dies are closed one after another.
constexpr std::array<Duration, 5> looks_after{0ms, 1ms, 5ms, 20ms, 100ms};
// Of the time, at most one part of so many is spent with looking, however often others come and go; but the looks after
// one death, of a thousand groups too, are not put off for that.
constexpr int rest_times = 20;
constexpr Duration rest_later = 200ms;
constexpr Duration forever = 1h;

std::string without(const std::string& why) {
  return why + "; until then members of groups look for the deaths of others at intervals";
}

struct Registry {
  std::mutex mutex;
  std::map<const Slots*, std::weak_ptr<Deaths>> by_slots;
};
Registry& registry() {
  static auto* const shared = new Registry;  // outlives every log, also those of static objects
  return *shared;
}

}  // namespace

std::shared_ptr<Deaths> Deaths::of(const std::shared_ptr<Slots>& slots, LogSink& sink) {
  auto& shared = registry();
  const std::scoped_lock lock(shared.mutex);
  std::erase_if(shared.by_slots, [](const auto& one) { return one.second.expired(); });
  auto& known = shared.by_slots[slots.get()];  // which it keeps alive
  if (auto deaths = known.lock()) return deaths;
  auto deaths = std::make_shared<Deaths>(slots, sink);
  known = deaths;
  return deaths;
}

Deaths::Deaths(std::shared_ptr<Slots> slots, LogSink& sink) : slots_(std::move(slots)) {
  auto watch = slots_->watch_closes();
  if (!watch) {
    if (watch.error().code != "unsupported") sink.write(LogLevel::warning, without(to_string(watch.error())));
    return;
  }
  watch_ = std::move(*watch);
  is_watching_ = true;
  try {
    thread_ = std::make_unique<std::thread>([this] { work(); });
  } catch (const std::system_error& error) {
    is_watching_ = false;
    sink.write(LogLevel::warning, without(std::string("no thread to watch over the log: ") + error.what()));
  }
}

Deaths::~Deaths() {
  if (slots_->is_forked()) {
    (void)thread_.release();  // it is not there to be joined
    return;
  }
  if (!thread_) return;
  stops_ = true;
  watch_->wake();
  thread_->join();
}

Deaths::Listening::Listening(std::shared_ptr<Deaths> deaths, FileId group, Listener& listener)
    : deaths_(std::move(deaths)) {
  const std::scoped_lock lock(deaths_->mutex_);
  place_ = deaths_->listeners_.emplace(group, &listener);
}

Deaths::Listening::~Listening() {
  if (deaths_->slots_->is_forked()) return;  // nor is the mutex to be trusted
  const std::scoped_lock lock(deaths_->mutex_);
  deaths_->listeners_.erase(place_);
}

void Deaths::work() {
  std::size_t next = looks_after.size();
  SteadyTime heard{}, rested{};
  const auto now = [] { return SteadyTime{std::chrono::steady_clock::now()}; };
  while (!stops_) {
    const auto due = [&] { return std::max(heard + looks_after[next], rested - rest_later); };
    auto closed = watch_->wait(next < looks_after.size() ? due() - now() : forever);
    if (!closed) return give_up(closed.error());
    if (*closed) {
      heard = now();
      next = 0;
    }
    if (next == looks_after.size() || now() < due()) continue;
    const auto begin = now();
    look();
    // What was due meanwhile is done.
    while (next < looks_after.size() && heard + looks_after[next] <= begin) ++next;
    rested = std::max(rested, begin) + (now() - begin) * rest_times;
  }
}

void Deaths::give_up(const Error& error) {
  is_watching_ = false;
  const std::scoped_lock lock(mutex_);
  if (!listeners_.empty()) listeners_.begin()->second->warn(without(to_string(error)));
}

/// Of each group one member is asked, for all of this process.
void Deaths::look() {
  const std::scoped_lock lock(mutex_);
  for (auto group = listeners_.begin(); group != listeners_.end();) {
    const auto end = listeners_.upper_bound(group->first);
    std::optional<std::uint32_t> count;
    for (auto one = group; one != end && !count; ++one) count = one->second->count_members();
    const auto is_concerned = [&](const auto& one) { return !count || !one.second->knows(*count); };
    if (std::any_of(group, end, is_concerned)) group->second->tell_group();
    group = end;
  }
}

}  // namespace tidings::log
