#include "dashboard/health.hpp"

#include <algorithm>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration rate_over = 5s;
constexpr Duration trend_over = 10s;
constexpr Duration still_for = 10s;  // then it is stalled
constexpr double catch_up_max = 10;  // seconds

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

std::string how_long(Duration time) {
  return to_text(Duration(std::chrono::floor<std::chrono::seconds>(time)));
}

std::string events(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " event" : " events");
}

}  // namespace

std::string_view name_of(Doing doing) {
  switch (doing) {
    case Doing::idle:
      return "idle";
    case Doing::ok:
      return "ok";
    case Doing::behind:
      return "behind";
    case Doing::stalled:
      return "stalled";
    case Doing::down:
      return "down";
  }
  return "";
}

Judgement GroupHealth::look(const GroupInfo& group, SteadyTime at, TimePoint now, std::string_view paused) {
  auto judgement = judge(group, at, paused);
  if (before_ != judgement.doing) {
    before_ = judgement.doing;
    since_ = now;
  }
  judgement.since = since_;
  return judgement;
}

Judgement GroupHealth::judge(const GroupInfo& group, SteadyTime at, std::string_view paused) {
  Look look{.at = at, .lag = group.lag()};
  bool is_held = false;
  std::optional<std::uint32_t> still, unheld;
  Duration still_time{};
  parts_.resize(std::max(parts_.size(), group.partitions.size()));
  for (std::size_t i = 0; i < group.partitions.size(); ++i) {
    const auto& one = group.partitions[i];
    look.handled += one.handled;
    look.parked += one.parked;
    is_held = is_held || one.owned;
    // What is parked, skipped and expired is got on with, too; each of them moves the sum.
    const auto mark = one.position.value + one.settled_beyond + one.handled + one.parked + one.expired + one.skipped;
    auto& part = parts_[i];
    if (mark != part.mark || one.lag() == 0 || part.moved == SteadyTime{}) part = {.mark = mark, .moved = at};
    if (one.lag() > 0 && !one.owned && !unheld) unheld = one.partition.value;
    if (one.lag() > 0 && at - part.moved > still_time) {
      still_time = at - part.moved;
      still = one.partition.value;
    }
  }
  const auto was_held = std::exchange(was_held_, was_held_ || is_held);
  looks_.push_back(look);
  while (looks_.size() > 2 && looks_[1].at + trend_over <= at) looks_.pop_front();

  Judgement out;
  // The oldest look within the time; with one look there is no rate.
  const auto from = std::ranges::find_if(looks_, [&](const Look& one) { return one.at + rate_over >= at; });
  if (const auto passed = seconds(at - from->at); passed > 0) {
    // A group that was made anew counts from the beginning.
    if (look.handled >= from->handled) out.handled_rate = static_cast<double>(look.handled - from->handled) / passed;
    if (look.parked >= from->parked) out.parked_rate = static_cast<double>(look.parked - from->parked) / passed;
  }
  if (look.lag == 0)
    out.eta = 0;
  else if (out.handled_rate > 0)
    out.eta = static_cast<double>(look.lag) / out.handled_rate;

  if (!is_held && (look.lag > 0 || was_held)) {
    out.doing = Doing::down;
    out.reason = look.lag > 0
                     ? "nobody holds its partitions, and " + events(look.lag) + (look.lag == 1 ? " waits" : " wait")
                     : "its members have gone";
    return out;
  }
  if (look.lag > 0 && !paused.empty()) {
    out.doing = Doing::stalled;
    out.reason = paused;
    return out;
  }
  if (still && still_time >= still_for) {
    out.doing = Doing::stalled;
    out.reason = unheld == still ? "nobody holds partition " + std::to_string(*still) + ", for " + how_long(still_time)
                                 : "partition " + std::to_string(*still) + " has not moved for " + how_long(still_time);
    return out;
  }
  const auto& oldest = looks_.front();
  // What is on its way while it is handled is no backlog: a second's worth may come and go.
  const auto slack = std::max<std::uint64_t>(10, static_cast<std::uint64_t>(out.handled_rate));
  if (at - oldest.at >= trend_over / 2 && look.lag > oldest.lag + slack) {
    out.doing = Doing::behind;
    out.reason = "its lag grows: " + events(look.lag) + ", " + std::to_string(look.lag - oldest.lag) + " more than " +
                 how_long(at - oldest.at) + " ago";
    return out;
  }
  if (look.lag > slack && out.eta && *out.eta > catch_up_max) {
    out.doing = Doing::behind;
    out.reason = events(look.lag) + " wait, " +
                 how_long(std::chrono::seconds(static_cast<std::int64_t>(std::min(*out.eta, 1e9)))) +
                 " of work at this rate";
    return out;
  }
  out.doing = look.lag > 0 || out.handled_rate > 0 ? Doing::ok : Doing::idle;
  if (out.doing == Doing::idle && !is_held) out.reason = "nobody is there, and nothing waits";
  return out;
}

}  // namespace tidings::cli
