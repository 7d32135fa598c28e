#include "service/troubles.hpp"

#include <utility>

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr Duration tell_apart = 10s;
constexpr std::size_t causes_max = 100;  // topics that handlers publish into may be any number

}  // namespace

std::optional<std::uint64_t> Troubles::tell(std::string_view cause, SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  auto known = told_.find(cause);
  if (known == told_.end() && told_.size() >= causes_max) {
    std::erase_if(told_, [&](const auto& one) { return now - *one.second.last >= tell_apart; });
    if (told_.size() >= causes_max) known = told_.try_emplace(std::string()).first;
  }
  if (known == told_.end()) known = told_.try_emplace(std::string(cause)).first;
  auto& told = known->second;
  ++told.untold;
  if (told.last && now - *told.last < tell_apart) return std::nullopt;
  told.last = now;
  return std::exchange(told.untold, 0);
}

std::string times_text(std::uint64_t times) {
  return times == 1 ? "" : "; " + std::to_string(times) + " times since this was told last";
}

}  // namespace tidings::service
