#include "service/delay_mover.hpp"

#include <algorithm>

#include "service/dead_letter.hpp"
#include "service/refusals.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/sealer.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t in_hand_max = 256;         // of a level above 0
constexpr std::size_t in_hand_max_last = 65536;  // of level 0, where all are due within three seconds
constexpr std::size_t move_max = 256;            // at once
constexpr Duration look_every_max = 10s;         // also at a level of years: another may have died
constexpr Duration settle_within = 30s;
constexpr Duration extend_every = 10s;
constexpr Duration listen_max = 1s;
constexpr Duration manual_clock_wait = 2ms;  // a clock that is set by hand tells nobody that it moved
constexpr Duration ages = 24h * 365;
constexpr Duration strays_beyond = 10s;  // in the level of those that are due within three
constexpr Duration trouble_pause = 1s;

/// What a stranger let wait in the open, with the mark that it be sealed, would be refused wherever it goes, and all
/// that goes with it.
void take_as_it_came(Delivery& delivery) {
  if (!is_marked_for_sealing(delivery.envelope)) return;
  struct Kept {
    std::shared_ptr<const void> owner;
    Headers headers;
  };
  auto kept = std::make_shared<Kept>(Kept{delivery.owner, Headers(delivery.envelope.headers)});
  mark_as_it_came(kept->headers);
  delivery.envelope.headers = kept->headers.view();
  delivery.owner = std::move(kept);
}

Duration look_every(std::uint32_t level) {
  return level == 0 ? Duration{125ms} : std::min(Delays::wait_of(level) / 8, look_every_max);
}

}  // namespace

DelayMover::DelayMover(Host& host, Delays& delays, Publish publish)
    : host_(host),
      delays_(delays),
      publish_(std::move(publish)),
      dead_(host, in_namespace(host.name_space, delays_group), delays.broker()) {}

bool DelayMover::is_needed() const {
  if (!delays_.can_wait()) return false;
  for (std::uint32_t level = 0; level < Delays::levels; ++level)
    if (delays_.broker()->topic(delays_.topic_of(level))) return true;
  return false;
}

void DelayMover::start() {
  const std::scoped_lock lock(mutex_);
  if (thread_.joinable() || stopping_ || !delays_.can_wait()) return;
  thread_ = std::thread([this] { loop(); });
}

void DelayMover::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    stopped_.notify_all();
    if (listened_) listened_->wake();
  }
  if (thread_.joinable()) thread_.join();
}

void DelayMover::loop() {
  while (!stopping_) {
    for (std::uint32_t number = 1; number < Delays::levels && !stopping_; ++number) {
      if (host_.clock->steady_now() >= all_[number].look_at) look(number, {});
      if (auto moved = move(number); !moved) trouble("move what waits", moved.error(), all_[number]);
    }
    auto wait = std::clamp<Duration>(next() - host_.clock->steady_now(), Duration::zero(), listen_max);
    if (host_.clock != &system_clock()) wait = std::min(wait, manual_clock_wait);
    look(0, wait);
    if (auto moved = move(0); !moved) trouble("publish what is due", moved.error(), all_[0]);
  }
  for (auto& level : all_) {
    if (level.consumer) (void)level.consumer->close(Duration::zero());
    level.waiting.clear();
  }
}

/// When something has to be done next.
SteadyTime DelayMover::next() const {
  auto first = SteadyTime::max();
  for (std::size_t number = 0; number < all_.size(); ++number) {
    const auto& level = all_[number];
    if (number > 0) first = std::min(first, level.look_at);
    if (!level.waiting.empty()) first = std::min(first, level.waiting.front().moves);
  }
  return first;
}

bool DelayMover::join(std::uint32_t number) {
  auto& level = all_[number];
  if (level.consumer) return true;
  const auto topic = delays_.topic_of(number);
  if (!delays_.broker()->topic(topic)) return false;  // nothing has waited for so long yet
  auto joined = delays_.broker()->subscribe(topic, {.group = in_namespace(host_.name_space, delays_group),
                                                    .in_flight_max = number == 0 ? in_hand_max_last : in_hand_max,
                                                    .settle_within = settle_within,
                                                    .create_topic = false});
  if (!joined) {
    trouble("get what waits", joined.error(), level);
    return false;
  }
  level.consumer = std::move(*joined);
  if (number == 0) {
    const std::scoped_lock lock(mutex_);
    listened_ = level.consumer;
  }
  return true;
}

void DelayMover::look(std::uint32_t number, Duration wait) {
  auto& level = all_[number];
  level.look_at = host_.clock->steady_now() + look_every(number);
  if (!join(number)) {
    std::unique_lock lock(mutex_);
    if (wait > Duration::zero())
      stopped_.wait_for(lock, std::min(wait, look_every(number)), [&] { return stopping_.load(); });
    return;
  }
  if (!level.waiting.empty() && host_.clock->steady_now() >= level.extend_at) {
    std::vector<DeliveryId> ids;
    for (const auto& each : level.waiting) ids.push_back(each.delivery.id);
    (void)level.consumer->extend(ids);  // those that are another's now are found out when they are settled
    level.extend_at = host_.clock->steady_now() + extend_every;
  }
  auto fetched = level.consumer->fetch(move_max, wait);
  if (fetched) return take_in(number, std::move(*fetched));
  trouble("get what waits", fetched.error(), level);
  if (fetched.error().retry != Retry::reopen) return;
  level.consumer.reset();
  level.waiting.clear();
}

void DelayMover::take_in(std::uint32_t number, std::vector<Delivery> deliveries) {
  if (deliveries.empty()) return;
  auto& level = all_[number];
  if (level.waiting.empty()) level.extend_at = host_.clock->steady_now() + extend_every;
  const auto now = host_.clock->now();
  const auto steady = host_.clock->steady_now();
  for (auto& delivery : deliveries) {
    // What comes again since it was thought lost is in hand already.
    if (delivery.attempt > 1 && std::ranges::any_of(level.waiting, [&](const Waiting& each) {
          return each.delivery.id.partition == delivery.id.partition && each.delivery.id.offset == delivery.id.offset;
        }))
      continue;
    take_as_it_came(delivery);
    const auto due = Delays::due_of(delivery.envelope).value_or(now);
    auto leaves = number == 0 ? due : std::min(due, delivery.appended + Delays::wait_of(number));
    // What is due long from now does not belong here, where it would hold up the rest: a clock was ahead when it came,
    // or a stranger put it here. It goes back to its level, as any that moves. What was due ages ago could not be
    // counted.
    leaves = std::max(leaves, now - ages);
    if (number == 0 && leaves > now + strays_beyond) leaves = now;
    level.waiting.push_back({.moves = steady + (leaves - now), .order = order_++, .delivery = std::move(delivery)});
    std::ranges::push_heap(level.waiting, std::greater{},
                           [](const Waiting& each) { return std::pair(each.moves, each.order); });
  }
}

Result<> DelayMover::move(std::uint32_t number) {
  auto& level = all_[number];
  const auto now = host_.clock->steady_now();  // what is due meanwhile comes next: other levels wait for their turn
  while (!stopping_ && !level.waiting.empty() && level.waiting.front().moves <= now) {
    std::vector<Waiting> group;
    while (group.size() < move_max && !level.waiting.empty() && level.waiting.front().moves <= now) {
      std::ranges::pop_heap(level.waiting, std::greater{},
                            [](const Waiting& each) { return std::pair(each.moves, each.order); });
      group.push_back(std::move(level.waiting.back()));
      level.waiting.pop_back();
    }
    const auto sent = send(number, group);
    settle(level, group, Waiting::Done::sent);
    settle(level, group, Waiting::Done::parked);
    for (auto& each : group) {
      if (each.done != Waiting::Done::no) continue;
      each.moves = now + trouble_pause;
      level.waiting.push_back(std::move(each));
      std::ranges::push_heap(level.waiting, std::greater{},
                             [](const Waiting& back) { return std::pair(back.moves, back.order); });
    }
    if (!sent) return sent;
    level.look_at = std::min(level.look_at, now);
  }
  return {};
}

void DelayMover::settle(Level& level, std::span<const Waiting> group, Waiting::Done what) {
  std::vector<DeliveryId> ids;
  for (const auto& each : group)
    if (each.done == what) ids.push_back(each.delivery.id);
  if (ids.empty()) return;
  const auto outcome = what == Waiting::Done::parked ? Outcome::parked : Outcome::handled;
  if (auto settled = level.consumer->settle(ids, outcome); !settled)
    host_.say(LogLevel::debug, "what was published when it was due may come again: " + to_string(settled.error()));
}

/// On to the next level, or to where it goes: by topic, in their order. What is done is marked so; where one topic is
/// in trouble the others go on. The first trouble.
Result<> DelayMover::send(std::uint32_t number, std::span<Waiting> group) {
  const auto now = host_.clock->now();
  Result<> first;
  const auto note = [&](const Result<>& result) {
    if (!result && first) first = result;
  };
  std::vector<EnvelopeView> wait_on;
  std::vector<std::pair<std::string_view, std::vector<Waiting*>>> due_now;
  for (auto& each : group) {
    const auto& event = each.delivery.envelope;
    if (Delays::due_of(event).value_or(now) > now) {
      wait_on.push_back(event);
      continue;
    }
    const auto target = Delays::target_of(event);
    if (target.empty()) {
      note(park(number, each, {"no_topic", "it waited, and does not say for which topic"}));
      continue;
    }
    auto there = std::ranges::find_if(due_now, [&](const auto& known) { return known.first == target; });
    if (there == due_now.end()) there = due_now.insert(there, {target, {}});
    there->second.push_back(&each);
  }
  if (!wait_on.empty()) {
    const auto put = delays_.put_marked(wait_on);
    note(put);
    for (auto& each : group)
      if (put && Delays::due_of(each.delivery.envelope).value_or(now) > now) each.done = Waiting::Done::sent;
  }
  for (const auto& [topic, events] : due_now) note(send_to(number, topic, events));
  return first;
}

Result<> DelayMover::send_to(std::uint32_t number, std::string_view topic, std::span<Waiting* const> due_now) {
  std::vector<Envelope> events;
  std::vector<EnvelopeView> views;
  events.reserve(due_now.size());
  for (const auto* each : due_now)
    views.push_back(events.emplace_back(Delays::without_marks(each->delivery.envelope)).view());
  const auto sent = publish_(topic, views);
  if (sent)
    for (auto* each : due_now) each->done = Waiting::Done::sent;
  if (sent || !is_of_the_event(sent.error())) return sent;
  // One is refused for what it is: the others go without it, and it is told of.
  for (std::size_t at = 0; at < views.size(); ++at) {
    if (const auto one = publish_(topic, {&views[at], 1}); one)
      due_now[at]->done = Waiting::Done::sent;
    else if (!is_of_the_event(one.error()))
      return one;
    else if (auto parked = park(number, *due_now[at], one.error()); !parked)
      return parked;
  }
  return {};
}

/// What cannot be published when it is due: as it waited, so that it can be given back.
Result<> DelayMover::park(std::uint32_t number, Waiting& one, const Error& why) {
  const auto topic = delays_.topic_of(number);
  if (auto there = dead_.create({&topic, 1}); !there) return there.error();
  const auto& id = one.delivery.id;
  const auto headers =
      letter_headers(one.delivery.envelope.headers, {.topic = topic,
                                                     .partition = id.partition,
                                                     .offset = id.offset,
                                                     .group = in_namespace(host_.name_space, delays_group),
                                                     .hold = {},
                                                     .why = &why,
                                                     .attempts = 1,
                                                     .time = host_.clock->now(),
                                                     .ordered = false,
                                                     .follows = {}});
  auto event = one.delivery.envelope;
  event.headers = headers.view();
  const std::array events{event};
  const std::array apart{std::to_string(number) + "/" + std::to_string(id.offset.value)};
  if (auto parked = dead_.publish(id.partition.value, events, apart); !parked) return parked.error();
  one.done = Waiting::Done::parked;
  host_.say(LogLevel::warning, "event " + printable(event.id) +
                                   " was due, and could not be published; it is parked in " + dead_.name() + ": " +
                                   printable(to_string(why)));
  return {};
}

void DelayMover::trouble(std::string_view what, const Error& why, Level& level) {
  const auto now = host_.clock->steady_now();
  level.look_at = std::max(level.look_at, now + trouble_pause);
  auto text = "could not " + std::string(what) + ": " + printable(to_string(why));
  if (text != told_) host_.say(LogLevel::warning, text + "; trying again");
  told_ = std::move(text);
}

}  // namespace tidings::service
