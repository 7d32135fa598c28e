#include "service/schedules.hpp"

#include <algorithm>
#include <array>

#include "tidings/base/hex.hpp"
#include "tidings/base/key_hash.hpp"
#include "tidings/base/text.hpp"
#include "tidings/service/detail/typed_handler.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

/// The same for every process that publishes it, so that who sees it twice knows it: a UUID of version 8, whose bits
/// are ours to choose (RFC 9562).
std::string id_of(const detail::Tick& tick) {
  const auto text = tick.schedule + '\n' + tick.recurrence + '\n' + tick.due;
  std::array<char, 32> digits{};
  write_hex(digits.data(), key_hash(text));
  write_hex(digits.data() + 16, key_hash("tidings.schedule\n" + text));
  digits[12] = '8';
  digits[16] = "89ab"[static_cast<unsigned char>(digits[16]) % 4];
  std::string id(digits.begin(), digits.end());
  for (const std::size_t at : {8U, 13U, 18U, 23U}) id.insert(at, 1, '-');
  return id;
}

constexpr Duration clocks_differ_by = std::chrono::minutes{10};  // of machines
constexpr Duration missed_after = std::chrono::seconds{30};      // when a tick should have come

}  // namespace

void Schedules::add(std::string name, Recurrence recurrence, detail::MakeOccurrence make) {
  all_.push_back({std::move(name), std::move(recurrence), std::move(make), {}, {}});
}

std::vector<ServiceDescription::Schedule> Schedules::describe() const {
  std::vector<ServiceDescription::Schedule> told;
  for (const auto& one : all_) told.push_back({one.name, one.recurrence.text()});
  return told;
}

Result<> Schedules::check() const {
  for (const auto& schedule : all_) {
    if (auto fine = validate_name("schedule", schedule.name); !fine) return fine;
    if (std::ranges::count(all_, schedule.name, &Schedule::name) > 1)
      return Error{"invalid_name", "there are two schedules '" + schedule.name + "' in this service"};
  }
  return {};
}

std::string Schedules::key_of(const Schedule& schedule) const {
  return host_.service + "/" + schedule.name;
}

detail::Tick Schedules::tick_of(const Schedule& schedule, TimePoint due) const {
  return {.schedule = key_of(schedule), .recurrence = schedule.recurrence.text(), .due = to_rfc3339(due)};
}

Result<Envelope> Schedules::next_tick(const Schedule& schedule) const {
  const auto due = schedule.recurrence.next(host_.clock->now());
  auto tick =
      make_envelope(tick_of(schedule, due), {.source = host_.service, .clock = host_.clock, .entropy = host_.entropy});
  if (tick) tick->headers.set(due_header, to_rfc3339(due));
  return tick;
}

Result<std::vector<Envelope>> Schedules::first_ticks() const {
  std::vector<Envelope> ticks;
  for (const auto& schedule : all_) {
    auto tick = next_tick(schedule);
    if (!tick) return tick.error();
    ticks.push_back(std::move(*tick));
  }
  return ticks;
}

std::unique_ptr<detail::Handler> Schedules::make_handler() {
  return detail::make_handler<>([this](const detail::Tick& tick, Context& context) { return on(tick, context); });
}

Result<std::vector<Envelope>> Schedules::missing_ticks() {
  std::vector<Envelope> ticks;
  const auto now = host_.clock->now();
  const std::scoped_lock lock(mutex_);
  for (auto& schedule : all_) {
    if (schedule.seen == TimePoint{} || schedule.seen > now) schedule.seen = now;
    if (schedule.recurrence.next(schedule.seen) > now - missed_after) continue;
    auto tick = next_tick(schedule);
    if (!tick) return tick.error();
    ticks.push_back(std::move(*tick));
    schedule.seen = now;  // not again before that could have come
  }
  return ticks;
}

Result<> Schedules::on(const detail::Tick& tick, Context& context) {
  const auto schedule = std::ranges::find_if(all_, [&](const auto& each) { return key_of(each) == tick.schedule; });
  // Another service's; one that this program has no more; one of an earlier recurrence: its chain ends here.
  if (schedule == all_.end() || schedule->recurrence.text() != tick.recurrence) return {};
  const auto due = parse_rfc3339(tick.due);
  if (!due) return due.error();
  // A tick comes when it is due. One of a time to come is a stranger's, or of a clock that was ahead: the chain of it
  // would be silent until then. `look` begins another where there is none.
  const auto now = host_.clock->now();
  if (*due > now + clocks_differ_by) return {};
  {
    const std::scoped_lock lock(mutex_);
    if (schedule->last > now + clocks_differ_by) schedule->last = now;
    if (*due <= schedule->last) return {};  // a twin
    schedule->seen = now;
  }
  // The chain goes on whatever becomes of this one.
  const auto next = schedule->recurrence.next(std::max(*due, host_.clock->now()));
  if (auto waits = context.publish_at(tick_of(*schedule, next), next); !waits) return waits;
  try {
    auto made = schedule->make(
        *due, {.source = host_.service, .cause = &context.envelope(), .clock = host_.clock, .entropy = host_.entropy});
    Result<> published;
    if (made) {
      made->envelope.id = id_of(tick);
      published = context.publish_envelope(made->topic, std::move(made->envelope));
    } else {
      published = made.error();
    }
    if (!published)
      host_.say(LogLevel::error,
                "schedule " + schedule->name + ", due at " + tick.due +
                    ", could not be published, and is left out: " + printable(to_string(published.error())));
  } catch (const std::exception& thrown) {
    host_.say(LogLevel::error, "schedule " + schedule->name + ", due at " + tick.due +
                                   ", threw, and is left out: " + printable(thrown.what()));
  }
  const std::scoped_lock lock(mutex_);
  schedule->last = std::max(schedule->last, *due);
  return {};
}

}  // namespace tidings::service
