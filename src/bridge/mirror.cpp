#include "bridge/mirror.hpp"

#include <algorithm>
#include <deque>

#include "bridge/mark.hpp"
#include "bridge/repeats.hpp"
#include "tidings/base/key_hash.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/sealer.hpp"

namespace tidings::bridge {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t fetch_max = 1000;
constexpr Duration fetch_wait = 200ms;
constexpr Duration settle_within = 30s;
constexpr Duration extend_every = 10s;
constexpr Duration publish_wait = 10s;
constexpr Duration pause_first = 100ms;
constexpr Duration pause_longest = 5s;

}  // namespace

Mirror::Mirror(Broker& from, Broker& to, std::string topic, const BridgeOptions& options)
    : from_(from), to_(to), topic_(std::move(topic)), options_(options) {}

void Mirror::stop() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  stopped_.notify_all();
  if (consumer_) consumer_->wake();
}

/// The topic at the target, and the membership at the source.
Result<> Mirror::prepare() {
  auto source = from_.topic(topic_);
  if (!source) return source.error();
  ends_.clear();
  for (const auto& partition : source->partitions) ends_.push_back(partition.end);
  auto target = to_.topic(topic_);
  if (!target) {
    if (target.error().code != "unknown_topic") return target.error();
    TopicOptions topic{.partitions = options_.partitions == 0 ? static_cast<std::uint32_t>(source->partitions.size())
                                                              : options_.partitions,
                       .durability = source->durability,
                       .event_bytes_max = source->event_bytes_max + 512};  // our header
    auto made = to_.create_topic(topic_, topic);
    if (!made && made.error().code == "unsupported") {
      topic.durability.reset();
      made = to_.create_topic(topic_, topic);
    }
    if (!made && made.error().code != "topic_exists_with") return made;
    target = to_.topic(topic_);
    if (!target) return target.error();
  }
  one_to_one_ = target->partitions.size() == source->partitions.size();
  if (auto same = check_target(*target); !same) return same;
  auto consumer = from_.subscribe(
      topic_,
      {.group = group(), .in_flight_max = 4 * fetch_max, .settle_within = settle_within, .create_topic = false});
  if (!consumer) return consumer.error();
  const std::scoped_lock lock(mutex_);
  consumer_ = std::move(*consumer);
  return {};
}

/// What was mirrored before stands at the target. Where nothing ever did, it was mirrored to another one, and would be
/// missing here.
Result<> Mirror::check_target(const TopicInfo& target) {
  const auto has_any = [](const auto& partition) { return partition.end.value > 0; };
  if (std::ranges::any_of(target.partitions, has_any)) return {};
  const auto groups = from_.groups(topic_);
  if (!groups) return groups.error();
  const auto own = std::ranges::find(*groups, group(), &GroupInfo::group);
  if (own == groups->end()) return {};
  std::uint64_t mirrored = 0;
  for (const auto& one : own->partitions) mirrored += one.handled;
  if (mirrored == 0) return {};
  return Error{"target_changed",
               "this bridge has mirrored " + std::to_string(mirrored) + " events of topic " + printable(topic_) +
                   ", and the target has none: it is another target, or was made " +
                   "anew. Nothing is left out: run the bridge to it under another --name, or let this "
                   "one begin anew: tidings seek " +
                   printable(topic_) + " " + group() + " --to earliest"};
}

std::string Mirror::group() const {
  return "tidings.bridge." + options_.name;
}

Result<> Mirror::run() {
  auto wait = pause_first;
  while (!stopping_) {
    auto done = consumer_ ? Result<>{} : prepare();
    std::optional<std::vector<Delivery>> deliveries;
    if (done) {
      auto fetched = consumer_->fetch(fetch_max, fetch_wait);
      if (fetched)
        deliveries = std::move(*fetched);
      else
        done = fetched.error();
    }
    if (done && deliveries->empty()) {
      if (!options_.follow && is_at_the_end()) break;
      continue;
    }
    if (done && !(done = carry(*deliveries))) leave();
    if (stopping_) break;
    if (done) {
      wait = pause_first;
      tell({});
      continue;
    }
    tell(done.error());
    if (done.error().retry == Retry::never) return done;
    if (done.error().retry == Retry::reopen) leave();
    pause(wait);
    wait = std::min<Duration>(wait * 2, pause_longest);
  }
  if (consumer_) return consumer_->close(1s);
  return {};
}

/// What was fetched and is not settled comes again to the next member, and nothing that stands behind it before it:
/// later events that overtook it would make it a repeat for a target that knows producers.
void Mirror::leave() {
  std::shared_ptr<Consumer> left;
  const std::scoped_lock lock(mutex_);
  left.swap(consumer_);
}

/// All of them, in their order, however long it takes. After an error some are not sent: `leave`.
Result<> Mirror::carry(std::vector<Delivery>& deliveries) {
  // Partition by partition: stable, so that each keeps its order.
  std::ranges::stable_sort(deliveries, {}, [](const Delivery& each) { return each.id.partition.value; });
  for (auto first = deliveries.begin(); first != deliveries.end();) {
    const auto last = std::find_if(first, deliveries.end(),
                                   [&](const Delivery& each) { return each.id.partition != first->id.partition; });
    in_hand_ = std::span<const Delivery>(first, deliveries.end());
    if (auto sent = send(std::span<const Delivery>(first, last)); !sent) return sent;
    if (stopping_) return {};
    std::vector<DeliveryId> ids;
    for (auto each = first; each != last; ++each) ids.push_back(each->id);
    if (auto settled = consumer_->settle(ids); !settled && settled.error().code != "not_owner") return settled;
    first = last;
  }
  return {};
}

Result<> Mirror::send(std::span<const Delivery> deliveries) {
  const auto partition = deliveries.front().id.partition;
  PublishOptions options{.wait_max = publish_wait};
  if (one_to_one_) options.partition = partition;
  const bool as_producer = to_.capabilities().producers;
  const auto producer =
      key_hash("tidings.bridge\n" + options_.name + "\n" + topic_ + "\n" + std::to_string(partition.value));
  std::deque<Envelope> marked;
  std::vector<EnvelopeView> run;
  std::size_t run_begin = 0;
  const auto flush = [&](std::size_t end) -> Result<> {
    if (run.empty()) return {};
    if (as_producer)
      options.producer =
          Producer{.id = producer == 0 ? 1 : producer, .sequence = deliveries[run_begin].id.offset.value + 1};
    auto sent = publish(run, options, deliveries);
    if (sent) mirrored_ += run.size();
    run.clear();
    marked.clear();
    run_begin = end;
    return sent;
  };
  for (std::size_t at = 0; at < deliveries.size(); ++at) {
    const auto& delivery = deliveries[at];
    const auto from_there = mark_of(delivery.envelope);
    const bool is_ours = from_there && from_there->bridge == options_.name;
    // A producer's sequences follow one another in a call: a gap begins another.
    const bool is_next =
        run.empty() || !as_producer || delivery.id.offset.value == deliveries[at - 1].id.offset.value + 1;
    if (is_ours || !is_next)
      if (auto flushed = flush(at); !flushed) return flushed;
    if (is_ours) {
      ++left_out_;
      run_begin = at + 1;
      continue;
    }
    if (run.empty()) run_begin = at;
    auto& event = marked.emplace_back(delivery.envelope);
    mark_as_it_came(event.headers);
    event.headers.set(bridged_header,
                      to_text({.bridge = options_.name, .partition = partition, .offset = delivery.id.offset}));
    run.push_back(event.view());
  }
  return flush(deliveries.size());
}

/// The same events until the target has them: a later one that overtook them would be out of order.
Result<> Mirror::publish(std::span<const EnvelopeView> events, const PublishOptions& options,
                         std::span<const Delivery> whole) {
  auto wait = pause_first;
  auto extended = std::chrono::steady_clock::now();
  while (!stopping_) {
    auto published = to_.publish(topic_, events, options);
    const auto done = published ? check_repeats(to_, topic_, events, *published) : Result<>(published.error());
    if (done) return {};
    if (done.error().retry == Retry::never) {
      auto error = done.error();
      if (published) return error;
      error.message = "the target refuses an event of " + topic_ + ", partition " +
                      std::to_string(whole.front().id.partition.value) + ", of offset " +
                      std::to_string(whole.front().id.offset.value) + " or soon after: " + error.message;
      return error;
    }
    tell(done.error());
    if (!pause(wait)) break;
    wait = std::min<Duration>(wait * 2, pause_longest);
    if (std::chrono::steady_clock::now() - extended < extend_every) continue;
    extended = std::chrono::steady_clock::now();
    std::vector<DeliveryId> ids;
    for (const auto& each : in_hand_) ids.push_back(each.id);
    if (auto kept = consumer_->extend(ids); !kept) return Error{"not_owner", kept.error().message, Retry::reopen};
  }
  return Error{"closed", "the bridge was stopped", Retry::reopen};
}

bool Mirror::is_at_the_end() const {
  const auto groups = from_.groups(topic_);
  if (!groups) return false;
  const auto group = std::ranges::find(*groups, "tidings.bridge." + options_.name, &GroupInfo::group);
  if (group == groups->end()) return false;
  return std::ranges::all_of(group->partitions, [&](const GroupPartitionInfo& info) {
    return info.partition.value >= ends_.size() || info.position >= ends_[info.partition.value];
  });
}

/// None where nobody can say: producers are moved by what this says.
std::optional<std::uint64_t> Mirror::behind() const {
  const auto groups = from_.groups(topic_);
  if (!groups) return std::nullopt;
  const auto group = std::ranges::find(*groups, "tidings.bridge." + options_.name, &GroupInfo::group);
  if (group == groups->end() || group->error) return std::nullopt;
  return group->lag();
}

BridgedTopic Mirror::progress() const {
  BridgedTopic now{.topic = topic_, .mirrored = mirrored_, .left_out = left_out_, .behind = behind(), .trouble = {}};
  const std::scoped_lock lock(mutex_);
  now.trouble = trouble_;
  return now;
}

/// False: it is to stop.
bool Mirror::pause(Duration wait) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, wait, [&] { return stopping_.load(); });
  return !stopping_;
}

/// Trouble is told once; an empty code is its end.
void Mirror::tell(const Error& why) {
  auto text = why.code.empty() ? std::string{} : printable(tidings::to_string(why));
  {
    const std::scoped_lock lock(mutex_);
    if (text == trouble_) return;
    std::swap(trouble_, text);
  }
  if (!why.code.empty())
    options_.log->write(LogLevel::warning, "bridge: " + topic_ + (why.retry == Retry::never ? " stops: " : " waits: ") +
                                               printable(tidings::to_string(why)));
  else
    options_.log->write(LogLevel::info, "bridge: " + topic_ + " goes on");
}

}  // namespace tidings::bridge
