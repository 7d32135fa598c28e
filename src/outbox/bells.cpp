#include "outbox/bells.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace tidings::outbox {

namespace {

using namespace std::chrono_literals;

constexpr Duration expected_for = 100ms;
constexpr Duration look_often = 1ms;

struct Registry {
  std::mutex mutex;
  std::vector<Bell*> bells;
};
Registry& registry() {
  static auto* const all = new Registry;  // for ever: a thread may ring while the process ends
  return *all;
}

std::int64_t now() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

}  // namespace

Bell::Bell(const Tables& tables) : name_(tables.name("outbox")) {
  const std::scoped_lock lock(registry().mutex);
  registry().bells.push_back(this);
  ++count_;
}

Bell::~Bell() {
  const std::scoped_lock lock(registry().mutex);
  std::erase(registry().bells, this);
  --count_;
}

void Bell::ring() {
  {
    const std::scoped_lock lock(mutex_);
    if (is_rung_) return;
    is_rung_ = true;
  }
  rung_.notify_one();
}

void Bell::announce() {
  if (now() < expected_until_.exchange(now() + expected_for.count())) return;
  ring();  // it may be in a long wait
}

bool Bell::wait(Duration wait_max, const std::stop_token& stop) {
  if (now() < expected_until_.load()) wait_max = std::min(wait_max, look_often);
  std::unique_lock lock(mutex_);
  rung_.wait_for(lock, stop, wait_max, [&] { return is_rung_; });
  return std::exchange(is_rung_, false);
}

void Bell::ring(const std::string& name) {
  if (!is_any()) return;
  const std::scoped_lock lock(registry().mutex);
  for (auto* const bell : registry().bells)
    if (bell->name_ == name) bell->ring();
}

void Bell::announce(const std::string& name) {
  if (!is_any()) return;
  const std::scoped_lock lock(registry().mutex);
  for (auto* const bell : registry().bells)
    if (bell->name_ == name) bell->announce();
}

}  // namespace tidings::outbox
