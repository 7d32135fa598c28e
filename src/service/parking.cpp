#include "service/parking.hpp"

#include <algorithm>

#include "service/registrations.hpp"
#include "tidings/base/key_hash.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t window_max = 256;
constexpr Duration closing_wait = 2ms;  // what is driven again is written down in about that time

}  // namespace

Parking::Parking(Host& host, std::string name, const std::string& group, const HandlerOptions& options,
                 DrivingLanes& lanes)
    : host_(host),
      holds_(!remembers_nothing(host, options)),
      in_order_(options.after_parked == AfterParked::wait),
      lanes_(lanes),
      topic_(host, group),
      writer_(
          host, topic_, shelf_, name, group, options.retry,
          [this] {
            std::vector<std::string> topics;
            for (const auto* source : lanes_.sources()) topics.push_back(source->broker_topic);
            return topics;
          },
          [this](std::span<Task* const> tasks) {
            for (auto* task : tasks)
              if (task->again) redriver_.returned();
            lanes_.put_aside(tasks);
          }),
      redriver_(host, name, group, topic_, shelf_, writer_, lanes,
                std::clamp<std::size_t>(options.in_flight_max, 1, window_max)) {}

/// The writer tells the redriver, and outlives it.
Parking::~Parking() {
  redriver_.begin_stop();
  (void)wait_ended(std::chrono::steady_clock::now() + 1h);
}

Result<> Parking::take_over(Source& source, std::span<const Delivery> deliveries) {
  std::vector<std::uint32_t> partitions;
  std::vector<std::uint64_t> generations;
  {
    const std::scoped_lock lock(shelf_.mutex);
    const DeliveryId* before = nullptr;
    for (const auto& delivery : deliveries) {
      const auto& id = delivery.id;
      if (before != nullptr && before->partition == id.partition && before->generation == id.generation) continue;
      before = &id;
      if (shelf_.find(source, id.partition.value, id.generation) != nullptr) continue;
      const auto known = std::ranges::find(partitions, id.partition.value);
      if (known == partitions.end())
        partitions.push_back(id.partition.value), generations.push_back(id.generation);
      else if (auto& newest = generations[static_cast<std::size_t>(known - partitions.begin())]; newest < id.generation)
        newest = id.generation;
    }
  }
  if (partitions.empty()) return {};
  if (!holds_) {
    hold_nothing(source, partitions, generations);
    return {};
  }
  return redriver_.take_over(source, partitions, generations);
}

/// Where every process gets every event nobody has a partition to himself: each would void what the others park. So
/// there is nothing to read, and nothing to say; books that stay empty.
void Parking::hold_nothing(Source& source, std::span<const std::uint32_t> partitions,
                           std::span<const std::uint64_t> generations) {
  const std::scoped_lock lock(shelf_.mutex);
  for (std::size_t at = 0; at < partitions.size(); ++at) {
    auto held = std::make_unique<Shelf::Held>();
    held->generation = generations[at];
    held->is_announced = true;
    shelf_.put(source, partitions[at], std::move(held));
  }
}

std::optional<SteadyTime> Parking::admit(Task& task) {
  if (!task.again && shelf_.remembered() == 0) return std::nullopt;
  const auto& id = task.delivery.id;
  const std::scoped_lock lock(shelf_.mutex);
  const auto* held = shelf_.find(*task.source, id.partition.value, id.generation);
  if (held == nullptr || (task.again && (held->winds_up || !held->book.may_go_on(place_of(task))))) {
    task.dropped = true;
    return std::nullopt;
  }
  if (task.again) return std::nullopt;
  const bool has_key = in_order_ && !task.delivery.envelope.key.empty();
  const auto key = has_key ? key_hash(task.delivery.envelope.key) : 0;
  switch (held->book.standing(key, has_key, id.offset.value)) {
    case Book::Standing::free:
      break;
    case Book::Standing::parked:
      task.outcome = Outcome::parked;
      task.settled = true;
      break;
    case Book::Standing::closing:
      return host_.clock->steady_now() + closing_wait;
    case Book::Standing::behind:
      task.behind = held->book.first_of(key);
      task.is_behind = true;
      task.failure = std::make_unique<Error>(
          "follows_parked", "an event of its key is parked: that of " + task.source->broker_topic + ", partition " +
                                std::to_string(id.partition.value) + ", offset " + std::to_string(task.behind));
      task.stage = Task::Stage::parking;
      break;
  }
  return std::nullopt;
}

Result<> Parking::room(const Task& task) {
  if (task.again || shelf_.remembered() < remembered_max) return {};
  return Error{"too_many_parked",
               std::to_string(remembered_max) + " keys are blocked by parked events, or events parked without a key, " +
                   "which is as many as a process remembers; redrive or drop some (tidings dead-letters)",
               Retry::same_call};
}

bool Parking::take(Task& task) {
  const auto& id = task.delivery.id;
  DeadJob job{.kind = task.again ? DeadJob::Kind::failed : DeadJob::Kind::letter,
              .source = task.source,
              .partition = id.partition.value,
              .generation = id.generation,
              .task = &task,
              .place = {},
              .request = {},
              .note = {}};
  {
    const std::scoped_lock lock(shelf_.mutex);
    auto* held = shelf_.find(*task.source, id.partition.value, id.generation);
    if (held == nullptr) return false;
    auto& book = held->book;
    if (task.again) {
      job.place = place_of(task);
      job.request = held->request;
      book.failed(job.place, task.failure->code, host_.clock->now(), held->request);
    } else {
      const auto& key = task.delivery.envelope.key;
      task.ordered = in_order_ && !key.empty() && book.would_block(key_hash(key), id.offset.value);
      job.place = place_of(task);
      if (holds_) {
        const auto before = book.remembered();
        book.park(job.place);
        shelf_.add_remembered(before, book.remembered());
      }
    }
  }
  writer_.add(std::move(job));
  return true;
}

void Parking::driven(const Task& task) {
  const auto& id = task.delivery.id;
  DeadJob job{.kind = DeadJob::Kind::closed,
              .source = task.source,
              .partition = id.partition.value,
              .generation = id.generation,
              .task = nullptr,
              .place = place_of(task),
              .request = {},
              .note = {}};
  {
    const std::scoped_lock lock(shelf_.mutex);
    if (auto* held = shelf_.find(*task.source, id.partition.value, id.generation)) {
      held->book.closing(job.place);
      job.request = held->request;
    }
  }
  writer_.add(std::move(job));
  redriver_.returned();
}

void Parking::gave_up(const Task&) {
  redriver_.returned();
}

void Parking::requested(const std::string& id, const DeadLetterRequest& request) {
  if (holds_) redriver_.requested(id, request);
}

void Parking::begin_stop() {
  redriver_.begin_stop();
}

bool Parking::wait_ended(SteadyTime until) {
  const bool redriver = redriver_.wait_ended(until);
  return writer_.end(until) && redriver;
}

}  // namespace tidings::service
