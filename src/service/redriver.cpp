#include "service/redriver.hpp"

#include <algorithm>
#include <map>

#include "service/redriver_run.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr Duration look_every = 1s;        // at which partitions are held here
constexpr Duration forget_every_max = 1h;  // reads a group's journal

}  // namespace

Redriver::Redriver(Host& host, std::string name, std::string group, DeadTopic& topic, Shelf& shelf, DeadWriter& writer,
                   DrivingLanes& lanes, std::size_t window)
    : host_(host),
      name_(std::move(name)),
      group_(std::move(group)),
      topic_(topic),
      shelf_(shelf),
      writer_(writer),
      lanes_(lanes),
      window_(window) {}

Redriver::~Redriver() {
  begin_stop();
  if (thread_.joinable()) thread_.join();
}

void Redriver::requested(const std::string& id, const DeadLetterRequest& request) {
  if (request.group != group_) return;
  const std::scoped_lock lock(mutex_);
  if (stopping_ || std::ranges::find(asked_, id, &Asked::id) != asked_.end()) return;
  asked_.push_back({id, request});
  if (!thread_.joinable()) {
    ended_ = false;
    thread_ = std::thread([this] { loop(); });
  }
  changed_.notify_all();
}

void Redriver::returned() {
  const std::scoped_lock lock(mutex_);
  if (outstanding_ > 0) --outstanding_;
  changed_.notify_all();
}

void Redriver::begin_stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

bool Redriver::wait_ended(SteadyTime until) {
  {
    std::unique_lock lock(mutex_);
    if (!ended_condition_.wait_until(lock, until, [&] { return ended_; })) return false;
  }
  if (thread_.joinable()) thread_.join();
  return true;
}

/// Whether to go on.
bool Redriver::pause(Duration wait) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, wait, [&] { return stopping_.load(); });
  return !stopping_;
}

// Taking partitions over.

Result<> Redriver::take_over(Source& source, std::span<const std::uint32_t> partitions,
                             std::span<const std::uint64_t> generations) {
  const std::scoped_lock alone(taking_over_);
  std::vector<std::unique_ptr<Shelf::Held>> held;
  std::vector<std::uint32_t> wanted;
  std::vector<Book*> books;
  {
    const std::scoped_lock lock(shelf_.mutex);
    for (std::size_t at = 0; at < partitions.size(); ++at) {
      const auto* known = shelf_.find(source, partitions[at]);
      if (known != nullptr && known->generation >= generations[at]) continue;
      held.push_back(std::make_unique<Shelf::Held>());
      held.back()->generation = generations[at];
      wanted.push_back(partitions[at]);
      books.push_back(&held.back()->book);
    }
  }
  if (wanted.empty()) return {};
  if (auto taken = topic_.take_over(source.broker_topic, wanted, books, [&] { return !stopping_; }); !taken)
    return taken;
  const std::scoped_lock lock(shelf_.mutex);
  for (std::size_t at = 0; at < wanted.size(); ++at) {
    held[at]->is_announced = !held[at]->book.hold().empty();
    if (const auto open = held[at]->book.open(); open > 0)
      host_.say(LogLevel::info, name_ + " holds partition " + std::to_string(wanted[at]) + " of " +
                                    source.broker_topic + ", of which " + std::to_string(open) +
                                    (open == 1 ? " event is parked" : " events are parked"));
    shelf_.put(source, wanted[at], std::move(held[at]));
  }
  return {};
}

/// Those that brought no event yet.
void Redriver::look_for_partitions() {
  for (auto* source : lanes_.sources()) {
    const auto consumer = lanes_.consumer(*source);
    if (!consumer) continue;
    std::vector<std::uint32_t> partitions;
    std::vector<std::uint64_t> generations;
    for (const auto partition : consumer->assignment()) {
      const auto hold = consumer->keep(partition);
      consumer->let_go(partition);
      if (!hold || hold->is_wanted) continue;
      const std::scoped_lock lock(shelf_.mutex);
      const auto* known = shelf_.find(*source, partition.value);
      if (known != nullptr && known->generation >= hold->generation) continue;
      partitions.push_back(partition.value);
      generations.push_back(hold->generation);
    }
    if (partitions.empty()) continue;
    if (auto taken = take_over(*source, partitions, generations); !taken && taken.error().code != "interrupted")
      host_.say(LogLevel::warning, name_ + " cannot read what is parked in " + topic_.name() + ": " +
                                       printable(to_string(taken.error())) + "; trying again");
  }
}

// Requests.

void Redriver::loop() {
  Duration forget_after = forget_first.load();
  SteadyTime forget_at = steady_now() + forget_after;
  std::size_t known = 0;
  while (!stopping_) {
    std::vector<Asked> all;
    {
      std::unique_lock lock(mutex_);
      if (asked_.empty()) {
        changed_.wait(lock, [&] { return stopping_ || !asked_.empty(); });
        known = 0;
        continue;
      }
      all = asked_;
    }
    if (all.size() > known) forget_after = forget_first, forget_at = steady_now() + forget_after;
    known = all.size();
    look_for_partitions();
    for (const auto& asked : all) {
      if (stopping_) break;
      if (auto targets = targets_of(asked); !targets.empty()) run(asked, std::move(targets));
    }
    if (!stopping_ && steady_now() >= forget_at) {
      forget_what_is_over();
      forget_after = std::min<Duration>(forget_after * 2, forget_every_max);
      forget_at = steady_now() + forget_after;
      const std::scoped_lock lock(mutex_);
      known = asked_.size();
      if (asked_.empty()) continue;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, look_every, [&] { return stopping_.load() || asked_.size() > known; });
  }
  const std::scoped_lock lock(mutex_);
  ended_ = true;
  ended_condition_.notify_all();
}

/// A partition may come here whose last owner ended in the middle, or that none had: so a request is remembered until
/// the journal says of every partition that nothing is left to do of it.
void Redriver::forget_what_is_over() {
  std::map<std::pair<std::string, std::uint32_t>, Book, std::less<>> books;
  const auto journals = topic_.partitions();
  if (!journals) return;
  if (*journals > 0) {
    const auto info = host_.broker->topic(topic_.name());
    if (!info) return;
    std::vector<std::uint64_t> ends;
    for (const auto& one : info->partitions) ends.push_back(one.end.value);
    const auto find = [&](std::string_view topic, std::uint32_t partition) {
      return &books[std::pair(std::string(topic), partition)];
    };
    if (!read_through(
            *host_.broker, topic_.name(), 0, ends,
            [&](const Delivery& entry) { (void)read_entry(entry, group_, find); }, [&] { return !stopping_; }))
      return;
  }
  const auto is_over = [&](const Asked& asked) {
    return std::ranges::all_of(books, [&](auto& one) {
      auto& [place, book] = one;
      const auto journal = place.second % *journals;
      const auto end = journal < asked.what.ends.size() ? asked.what.ends[journal] : 0;
      const auto* known = book.request(asked.id);
      return known != nullptr ? known->done : book.open() == 0 || book.low() >= end;
    });
  };
  const std::scoped_lock lock(mutex_);
  std::erase_if(asked_, is_over);
}

/// Where it has anything to do, or is not ended. A partition whose journal cannot be written comes later: the others
/// would wait for it.
std::vector<Redriver::Target> Redriver::targets_of(const Asked& asked) {
  std::vector<Target> targets;
  const auto journals = topic_.partitions();
  if (!journals || *journals == 0) return targets;
  for (auto* source : lanes_.sources()) {
    const auto consumer = lanes_.consumer(*source);
    if (!consumer) continue;
    for (const auto partition : consumer->assignment()) {
      if (writer_.is_in_trouble({source, partition.value})) continue;
      const auto journal = partition.value % *journals;
      const auto end = journal < asked.what.ends.size() ? asked.what.ends[journal] : 0;
      const std::scoped_lock lock(shelf_.mutex);
      auto* held = shelf_.find(*source, partition.value);
      if (held == nullptr) continue;
      const auto* known = held->book.request(asked.id);
      if (known != nullptr ? known->done : held->book.open() == 0 || held->book.low() >= end) continue;
      targets.push_back({source, partition.value, held->generation, journal, end, consumer});
    }
  }
  return targets;
}

}  // namespace tidings::service
