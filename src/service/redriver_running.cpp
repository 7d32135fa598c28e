// How a redriver carries out one request in the partitions that are held here.
#include <algorithm>
#include <utility>

#include "service/redriver_run.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr Duration fetch_wait = 20ms;
constexpr int ask_each = 10;                 // so many fetches that gave nothing the broker is asked once
constexpr std::size_t unwritten_max = 1024;  // entries for the journal, beyond which nothing more is looked at
constexpr Duration trouble_wait = 1s;
constexpr Duration come_again_wait = 10s;
constexpr int fruitless_max = 4;  // times that a request is begun where each time the process ends before any progress

}  // namespace

void Redriver::note(const Target& target, Envelope envelope) {
  writer_.add({.kind = DeadJob::Kind::note,
               .source = target.source,
               .partition = target.partition,
               .generation = target.generation,
               .task = nullptr,
               .place = {},
               .request = {},
               .note = std::make_shared<const Envelope>(std::move(envelope))});
}

void Redriver::run(const Asked& asked, std::vector<Target> targets) {
  Run run{.asked = &asked, .targets = std::move(targets), .reader = nullptr};
  bool finished = false;
  if (keep(run) && begin(run) && wait_for_what_comes_again(run)) {
    while (!stopping_ && keep(run)) {
      if (auto scanned = scan(run); !scanned) {
        host_.say(LogLevel::warning, name_ + " cannot read what is parked in " + topic_.name() + ": " +
                                         printable(to_string(scanned.error())) + "; trying again");
        run.reader.reset();
        if (!pause(trouble_wait)) break;
        continue;
      }
      if (is_finished(run)) {
        finished = true;
        break;
      }
    }
  }
  end(run, finished);
}

/// Prolongs the holds; targets whose partition is gone, or wanted elsewhere, are left. Whether any is left.
bool Redriver::keep(Run& run) {
  if (steady_now() < run.keep_again)
    return std::ranges::any_of(run.targets, [](const Target& one) { return !one.gone; });
  run.keep_again = steady_now() + 50ms;
  bool any = false;
  for (auto& target : run.targets) {
    if (target.gone) continue;
    const auto hold = target.consumer->keep(Partition{target.partition});
    const bool is_over = !hold || (hold->generation != 0 && hold->generation != target.generation);
    target.gone = is_over || hold->is_wanted;
    // Before the book goes: without one, what still lies in the lanes would pass for free.
    if (is_over) lanes_.lose(*target.source, target.partition, target.generation);
    if (target.gone) {
      const std::scoped_lock lock(shelf_.mutex);
      if (is_over) shelf_.forget(*target.source, target.partition, target.generation);
      // What has not been begun is the next owner's.
      if (auto* held = shelf_.find(*target.source, target.partition, target.generation)) held->winds_up = true;
    }
    any = any || !target.gone;
  }
  return any;
}

/// Says in the journals that it goes on here. What ended that often without any progress brings processes down.
bool Redriver::begin(Run& run) {
  for (auto& target : run.targets) {
    if (target.gone) continue;
    DeadBegun begun{.topic = target.source->broker_topic,
                    .partition = target.partition,
                    .hold = {},
                    .request = run.asked->id,
                    .what = run.asked->what};
    DeadDone done{
        .topic = begun.topic, .partition = begun.partition, .hold = {}, .request = begun.request, .given_up = {}};
    {
      const std::scoped_lock lock(shelf_.mutex);
      auto* held = shelf_.find(*target.source, target.partition, target.generation);
      if (held == nullptr || !held->is_announced) {
        target.gone = true;
        continue;
      }
      begun.hold = done.hold = held->book.hold();
      if (const auto* known = held->book.request(run.asked->id);
          known != nullptr && known->fruitless >= fruitless_max) {
        done.given_up = "the process ended " + std::to_string(known->fruitless) + " times without any progress";
        held->book.read(done);
        target.gone = true;
      } else {
        held->book.read(begun);
        held->book.begin_look(run.asked->id);
        held->request = run.asked->id;
        held->winds_up = false;
        target.begun = true;
      }
    }
    if (target.gone) {
      host_.say(LogLevel::error, name_ + " gives up to drive again what is parked of " + begun.topic + ", partition " +
                                     std::to_string(begun.partition) + ": " + done.given_up);
      if (auto envelope = topic_.envelope(done)) note(target, std::move(*envelope));
      continue;
    }
    host_.say(LogLevel::info,
              name_ + (run.asked->what.action == DeadLetterRequest::Action::drop ? " drops" : " drives again") +
                  " what is parked of " + begun.topic + ", partition " + std::to_string(begun.partition) +
                  ", as asked by " + run.asked->id);
    if (auto envelope = topic_.envelope(begun)) note(target, std::move(*envelope));
  }
  while (!stopping_ && keep(run))
    if (writer_.flush(run.places(), 100ms)) return true;
  return false;
}

/// What was parked and not settled when its owner died comes once more: it must have come, to be settled as parked,
/// before it is driven again.
bool Redriver::wait_for_what_comes_again(Run& run) {
  for (auto& target : run.targets) {
    std::uint64_t last = 0;
    {
      const std::scoped_lock lock(shelf_.mutex);
      if (const auto* held = shelf_.find(*target.source, target.partition, target.generation)) last = held->book.last();
    }
    const auto until = steady_now() + come_again_wait;  // then it may be counted twice, and that is all
    while (!target.gone && lanes_.fetched(*target.source, target.partition) < last && steady_now() < until) {
      const auto groups = host_.broker->groups(target.source->broker_topic);
      bool settled = false;
      if (groups)
        for (const auto& group : *groups)
          for (const auto& one : group.partitions)
            settled = settled ||
                      (group.group == group_ && one.partition.value == target.partition && one.position.value >= last);
      if (settled) break;
      if (!pause(5 * fetch_wait) || !keep(run)) return false;
    }
  }
  return true;
}

Result<> Redriver::scan(Run& run) {
  if (!run.reader) {
    auto from = ~std::uint64_t{0};
    {
      const std::scoped_lock lock(shelf_.mutex);
      for (const auto& target : run.targets)
        if (const auto* held = shelf_.find(*target.source, target.partition, target.generation); held && !target.gone)
          from = std::min(from, held->book.low());
    }
    for (auto& target : run.targets) target.scanned = from;
    if (from == ~std::uint64_t{0}) {
      run.quiet = 1;
      return {};
    }
    auto reader = host_.broker->subscribe(topic_.name(),
                                          {.group = "", .start = Start::offset(Offset{from}), .create_topic = false});
    if (!reader) return reader.error();
    run.reader = std::move(*reader);
    run.quiet = 0;
  }
  std::size_t room = 0;
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, fetch_wait, [&] { return stopping_ || outstanding_ <= window_ / 2; });
    room = window_ / 2 >= outstanding_ ? window_ - outstanding_ : 0;
  }
  if (room == 0 || stopping_) return {};
  // What is dropped, or was driven and waits to be written down, takes no room in the lanes.
  if (!writer_.wait_until_few(run.places(), unwritten_max, fetch_wait)) return {};
  auto got = run.reader->fetch(room, fetch_wait);
  if (!got) return got.error();
  run.quiet = got->empty() ? run.quiet + 1 : 0;
  look_at(run, *got);
  return {};
}

void Redriver::look_at(Run& run, std::span<const Delivery> entries) {
  for (auto& target : run.targets) {
    if (target.gone) continue;
    std::vector<Delivery> events;
    std::vector<char> ordered;
    std::vector<DeadJob> dropped;
    {
      const std::scoped_lock lock(shelf_.mutex);
      auto* held = shelf_.find(*target.source, target.partition, target.generation);
      if (held == nullptr) continue;
      for (const auto& entry : entries) {
        if (entry.id.partition.value != target.journal) continue;
        target.scanned = entry.id.offset.value + 1;
        const auto letter = letter_of(entry.envelope, group_);
        if (!letter || letter->topic != target.source->broker_topic || letter->partition != target.partition) continue;
        const auto verdict =
            held->book.look(*letter, entry.envelope.key, entry.id.offset.value, run.asked->what, target.end);
        if (verdict == Book::Verdict::redrive) {
          events.push_back(event_of(entry, *letter, target.generation));
          ordered.push_back(letter->ordered && !letter->hold.empty() ? 1 : 0);
        } else if (verdict == Book::Verdict::drop) {
          const bool blocks = letter->ordered && !letter->hold.empty();
          dropped.push_back({.kind = DeadJob::Kind::closed,
                             .source = target.source,
                             .partition = target.partition,
                             .generation = target.generation,
                             .task = nullptr,
                             .place = {blocks ? letter->key : 0, letter->offset, blocks},
                             .dropped = true,
                             .request = run.asked->id,
                             .note = {}});
        }
      }
    }
    for (auto& job : dropped) writer_.add(std::move(job));
    if (events.empty()) continue;
    {
      const std::scoped_lock lock(mutex_);
      outstanding_ += events.size();
    }
    lanes_.drive(*target.source, events, ordered);
  }
}

/// Whether the journal has been read up to what is meant, or up to its `end` now. That nothing comes says nothing: a
/// server may be slow, or away.
bool Redriver::has_read(const Run& run, bool to_end) {
  const auto info = host_.broker->topic(topic_.name());
  if (!info) return false;
  return std::ranges::none_of(run.targets, [&](const Target& target) {
    if (target.gone) return false;
    const auto one = std::ranges::find(info->partitions, target.journal,
                                       [](const PartitionInfo& each) { return each.partition.value; });
    if (one == info->partitions.end()) return false;
    const auto end = to_end ? one->end.value : std::min(target.end, one->end.value);
    return target.scanned < end && one->earliest.value < end;  // else retention took it
  });
}

bool Redriver::is_finished(Run& run) {
  const bool looks = run.quiet % ask_each == ask_each - 1;
  if (std::ranges::any_of(run.targets, [](const Target& one) { return !one.gone && one.scanned < one.end; }) &&
      !(looks && has_read(run, false)))
    return false;
  {
    const std::scoped_lock lock(mutex_);
    if (outstanding_ > 0) return false;
  }
  std::size_t active = 0;
  {
    const std::scoped_lock lock(shelf_.mutex);
    for (const auto& target : run.targets)
      if (const auto* held = shelf_.find(*target.source, target.partition, target.generation); held && !target.gone)
        active += held->book.active();
  }
  if (active == 0) return true;
  // What is parked and not found in the journal, all having been written and read: retention took it.
  if (run.quiet > 50 && looks && writer_.wait_until_few(run.places(), 0, Duration::zero()) && has_read(run, true))
    give_up_lost(run);
  return false;
}

void Redriver::give_up_lost(Run& run) {
  std::uint64_t lost = 0;
  {
    const std::scoped_lock lock(shelf_.mutex);
    for (const auto& target : run.targets)
      if (auto* held = shelf_.find(*target.source, target.partition, target.generation); held && !target.gone)
        lost += held->book.give_up_lost(run.asked->id);
    shelf_.recount();
  }
  host_.say(LogLevel::warning, name_ + ": " + std::to_string(lost) + " parked events are gone from " + topic_.name() +
                                   "; their keys go on without them");
}

void Redriver::end(Run& run, bool finished) {
  for (auto& target : run.targets) {
    if (!target.begun) continue;
    DeadDone done{.topic = target.source->broker_topic,
                  .partition = target.partition,
                  .hold = {},
                  .request = run.asked->id,
                  .given_up = {}};
    bool ours = false;
    Book::Request told;
    {
      const std::scoped_lock lock(shelf_.mutex);
      if (auto* held = shelf_.find(*target.source, target.partition, target.generation)) {
        done.hold = held->book.hold();
        ours = finished && !target.gone;
        if (ours) held->book.read(done);
        if (const auto* known = held->book.request(run.asked->id)) told = *known;
      }
    }
    if (!ours) continue;
    if (auto envelope = topic_.envelope(done)) note(target, std::move(*envelope));
  }
  // A partition that is wanted elsewhere waits for what was begun, as for deliveries in flight.
  while (!stopping_) {
    (void)keep(run);
    for (const auto& target : run.targets)
      if (target.gone) (void)target.consumer->keep(Partition{target.partition});
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, fetch_wait, [&] { return stopping_ || outstanding_ == 0; });
      if (outstanding_ > 0) continue;
    }
    if (writer_.flush(run.places(), fetch_wait)) break;
  }
  for (const auto& target : run.targets) target.consumer->let_go(Partition{target.partition});
}

}  // namespace tidings::service
