#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "brokers/log/member.hpp"
#include "tidings/base/text.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/broker/routing.hpp"

namespace tidings::brokers {
namespace {

using log::Member;
using log::PartitionLog;
using log::TopicLog;
using tidings::log::Keeping;
using tidings::log::LogDirectory;
using tidings::log::TopicMeta;

constexpr std::size_t event_bytes_limit = std::size_t{256} << 20;

Error closed() {
  return {"closed", "this log is closed; open it again", Retry::reopen};
}

class LogConsumer final : public Consumer {
 public:
  explicit LogConsumer(std::shared_ptr<Member> member) : member_(std::move(member)) {}
  ~LogConsumer() override { member_->leave(); }
  LogConsumer(const LogConsumer&) = delete;
  LogConsumer& operator=(const LogConsumer&) = delete;

  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
    return member_->fetch(max, wait_max);
  }
  void begin(std::span<const Attempt> attempts) override { member_->begin(attempts); }
  void end(std::span<const DeliveryId> ids) override { member_->end(ids); }
  Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override { return member_->settle(ids, outcome); }
  Result<> reject(std::span<const DeliveryId> ids, Duration delay) override { return member_->reject(ids, delay); }
  Result<> extend(std::span<const DeliveryId> ids) override { return member_->extend(ids); }
  std::vector<Partition> assignment() const override { return member_->assignment(); }
  void wake() override { member_->wake(); }
  Result<> close(Duration wait_max) override {
    member_->drain(wait_max);
    return {};
  }

 private:
  std::shared_ptr<Member> member_;
};

class LogBroker final : public Broker {
 public:
  LogBroker(std::unique_ptr<LogDirectory> directory, const BrokerOptions& options)
      : directory_(std::move(directory)), options_(options) {}
  ~LogBroker() override { end_all(Duration::zero()); }
  LogBroker(const LogBroker&) = delete;
  LogBroker& operator=(const LogBroker&) = delete;

  const Capabilities& capabilities() const override {
    static constexpr Capabilities what{.persistent = true,
                                       .several_processes = true,
                                       .retention = true,
                                       .producers = true,
                                       .attempts_survive_crash = true};
    return what;
  }

  Result<> create_topic(std::string_view name, const TopicOptions& options) override;
  Result<> set_retention(std::string_view name, const Retention& retention) override;
  Result<> delete_topic(std::string_view name) override;
  Result<std::vector<Published>> publish(std::string_view name, std::span<const EnvelopeView> events,
                                         const PublishOptions& options) override;
  Result<std::unique_ptr<Publisher>> publisher(std::string_view name, const PublisherOptions& options) override;
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view name, const ConsumerOptions& options) override;
  Result<std::vector<TopicInfo>> topics() override;
  Result<TopicInfo> topic(std::string_view name) override;
  Result<std::vector<GroupInfo>> groups(std::string_view name) override;
  Result<> seek(std::string_view name, std::string_view group, const Start& to) override;
  Result<> close(Duration wait_max) override {
    end_all(wait_max);
    return {};
  }

 private:
  /// Events that are written, and have yet to be synced as far as `until_durable` says.
  struct Written {
    std::vector<Published> places;
    struct End {
      PartitionLog* partition;
      std::uint64_t offset;
    };
    std::vector<End> until_durable;
    SteadyTime until{};
  };
  class Steps;
  Result<Written> write(const std::shared_ptr<TopicLog>& topic, std::span<const EnvelopeView> events,
                        const PublishOptions& options);
  static Result<std::uint64_t> write_once(PartitionLog& partition, const Routing::Part& part, const Producer& producer,
                                          Routing& routing, Duration wait_max);
  static Result<std::vector<Published>> finish(Written written);
  Result<std::shared_ptr<TopicLog>> existing(std::string_view name);
  Result<std::shared_ptr<TopicLog>> existing_or_new(std::string_view name, bool may_create);
  Result<std::shared_ptr<TopicLog>> make(std::string_view name, const TopicOptions& options);
  Result<TopicInfo> info(TopicLog& topic);
  Result<GroupInfo> info(TopicLog& topic, const std::string& group);
  void sync_in_background(const std::shared_ptr<TopicLog>& topic);
  void end_all(Duration wait_max);

  const std::unique_ptr<LogDirectory> directory_;
  const BrokerOptions options_;
  std::atomic<bool> closed_ = false;
  std::atomic<std::uint32_t> keyless_ = 0;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Member>> members_;
  std::vector<std::shared_ptr<TopicLog>> interval_topics_;
  struct Syncer {
    std::condition_variable_any stop;
    std::jthread thread;
  };
  std::unique_ptr<Syncer> syncer_;  // none before there is a topic that it has to sync
};

Duration left(SteadyTime until) {
  return std::max(Duration::zero(), Duration{until - SteadyTime{std::chrono::steady_clock::now()}});
}

Keeping keeping_of(const Retention& retention) {
  return {.bytes = retention.bytes, .age = retention.age, .waits_for_groups = retention.waits_for_groups};
}

TopicMeta meta_of(const TopicOptions& options) {
  return {.partitions = std::max<std::uint32_t>(options.partitions, 1),
          .durability = static_cast<std::uint32_t>(options.durability.value_or(Durability::durable)),
          .event_bytes_max = options.event_bytes_max,
          .keeping = keeping_of(options.retention.value_or(Retention{}))};
}

Result<std::shared_ptr<TopicLog>> LogBroker::existing(std::string_view name) {
  assert(!directory_->is_forked() && "a log that was opened before fork() must not be used after it");
  if (closed_) return closed();
  if (auto valid = validate_name("topic", name); !valid) return valid.error();
  auto found = directory_->find(name);
  if (!found || *found) return found;
  auto known = directory_->topics();
  const auto near = known ? nearest(name, *known) : std::string_view{};  // of topics only
  return Error{"unknown_topic", "there is no topic '" + printable(name) + "'" +
                                    (near.empty() ? "; publish to it or create it first"
                                                  : "; did you mean '" + std::string(near) + "'?")};
}

Result<std::shared_ptr<TopicLog>> LogBroker::make(std::string_view name, const TopicOptions& options) {
  if (options.event_bytes_max > event_bytes_limit)
    return Error{"invalid_options",
                 "an event of the log has at most " + std::to_string(event_bytes_limit) + " bytes; ask for less"};
  return directory_->create(std::string(name), meta_of(options));
}

Result<std::shared_ptr<TopicLog>> LogBroker::existing_or_new(std::string_view name, bool may_create) {
  auto topic = existing(name);
  if (topic || topic.error().code != "unknown_topic" || !may_create || !options_.create_topics) return topic;
  if (auto valid = validate(options_.topic_defaults); !valid) return valid.error();
  return make(name, options_.topic_defaults);
}

Result<> LogBroker::create_topic(std::string_view name, const TopicOptions& options) {
  if (closed_) return closed();
  if (auto valid = validate_name("topic", name); !valid) return valid;
  if (auto valid = validate(options); !valid) return valid;
  auto made = make(name, options);
  if (!made) return made.error();
  const auto& there = (*made)->meta();
  const auto wanted = meta_of(options);
  const auto differs = [&](std::string_view what, const std::string& has, const std::string& asked) {
    return Error{"topic_exists_with", "topic " + std::string(name) + " is there with " + std::string(what) + " " + has +
                                          ", not " + asked +
                                          "; it stays so for life: leave the option out, or take another name"};
  };
  if (options.partitions != 0 && there.partitions != wanted.partitions)
    return differs("partitions", std::to_string(there.partitions), std::to_string(wanted.partitions));
  if (options.durability && there.durability != wanted.durability)
    return differs("durability", std::string(to_string(static_cast<Durability>(there.durability))),
                   std::string(to_string(*options.durability)));
  if (options.event_bytes_max != TopicOptions{}.event_bytes_max && there.event_bytes_max != wanted.event_bytes_max)
    return differs("event_bytes_max", std::to_string(there.event_bytes_max), std::to_string(wanted.event_bytes_max));
  if (!options.retention) return {};
  auto keeping = (*made)->keeping();
  if (!keeping) return keeping.error();
  if (*keeping != wanted.keeping)
    return Error{"topic_exists_with", "topic " + std::string(name) +
                                          " is there with another retention; leave the option out, or change it "
                                          "(set_retention, `tidings topics alter`)"};
  return {};
}

Result<> LogBroker::set_retention(std::string_view name, const Retention& retention) {
  if (auto valid = validate(retention); !valid) return valid;
  auto topic = existing(name);
  if (!topic) return topic.error();
  return (*topic)->keep(keeping_of(retention));
}

Result<> LogBroker::delete_topic(std::string_view name) {
  if (auto topic = existing(name); !topic) return topic.error();
  {
    const std::scoped_lock lock(mutex_);
    std::erase_if(interval_topics_, [&](const auto& topic) { return topic->name() == name; });
  }
  return directory_->remove(std::string(name));
}

Result<LogBroker::Written> LogBroker::write(const std::shared_ptr<TopicLog>& topic,
                                            std::span<const EnvelopeView> events, const PublishOptions& options) {
  const auto& meta = topic->meta();
  auto routing =
      route(events, options, meta.partitions, meta.event_bytes_max, keyless_.fetch_add(1, std::memory_order_relaxed));
  if (!routing) return routing.error();
  const auto durability = static_cast<Durability>(meta.durability);
  const bool synced = durability == Durability::durable || options.wait_for == Durability::durable;
  if (durability == Durability::interval) sync_in_background(topic);
  Written written;
  // Looked at by who waits, and by who goes on to a second step: the clock is a part of what one small event costs.
  const bool is_one_step = !synced && routing->parts.size() == 1;
  if (!is_one_step) written.until = deadline_after(std::chrono::steady_clock::now(), options.wait_max);
  const auto wait_left = [&] { return is_one_step ? options.wait_max : left(written.until); };
  bool any_written = false;
  for (const auto& part : routing->parts) {
    auto partition = topic->partition(part.partition.value, wait_left());
    if (options.producer) {
      auto end = partition ? write_once(**partition, part, *options.producer, *routing, wait_left())
                           : Result<std::uint64_t>{partition.error()};
      if (!end) {
        if (!any_written || end.error().code == "fenced") return end.error();
        return Error{"outcome_unknown",
                     "some of the events were published, then " + to_string(end.error()) +
                         "; publish all again under the same sequences",
                     Retry::same_call};
      }
      any_written = true;
      if (synced) written.until_durable.push_back({*partition, *end});
      continue;
    }
    auto first = partition ? (*partition)->append(part.events, wait_left()) : partition.error();
    if (!first) {
      if (!any_written) return first.error();
      return Error{"outcome_unknown",
                   "some of the events were published, then " + to_string(first.error()) +
                       "; publish all again under the same ids",
                   Retry::same_call};
    }
    any_written = true;
    if (synced) written.until_durable.push_back({*partition, *first + part.events.size()});
    routing->set_first(part.partition, Offset{*first});
  }
  written.places = std::move(routing->places);
  return written;
}

/// Returns before which offset all events of the part stand, also those that were there before.
Result<std::uint64_t> LogBroker::write_once(PartitionLog& partition, const Routing::Part& part,
                                            const Producer& producer, Routing& routing, Duration wait_max) {
  auto once =
      partition.append_once(part.events, {.id = producer.id, .epoch = producer.epoch}, part.sequences, wait_max);
  if (!once) return once.error();
  if (once->before.fenced_by) return fenced(partition.path(), producer, *once->before.fenced_by);
  routing.set_first(part.partition, Offset{once->first}, once->before.duplicates);
  return once->end;
}

Result<std::vector<Published>> LogBroker::finish(Written written) {
  for (const auto& [partition, end] : written.until_durable)
    if (auto done = partition->sync_to(end, left(written.until)); !done) return done.error();
  return std::move(written.places);
}

Result<std::vector<Published>> LogBroker::publish(std::string_view name, std::span<const EnvelopeView> events,
                                                  const PublishOptions& options) {
  auto topic = existing_or_new(name, true);
  if (!topic) return topic.error();
  auto written = write(*topic, events, options);
  if (!written) return written.error();
  return finish(std::move(*written));
}

/// Appended one after another, and synced together: one sync is for all that was appended before it.
class LogBroker::Steps final : public TwoStepPublish {
 public:
  Steps(LogBroker& broker, std::shared_ptr<TopicLog> topic) : broker_(broker), topic_(std::move(topic)) {}
  Result<Finish> begin(std::span<const EnvelopeView> events, const PublishOptions& options) override {
    if (broker_.closed_) return closed();
    auto written = broker_.write(topic_, events, options);
    if (!written && written.error().code != "outcome_unknown") return written.error();
    if (!written) return Finish{[error = written.error()] { return Result<std::vector<Published>>{error}; }};
    return Finish{[written = std::move(*written)]() mutable { return finish(std::move(written)); }};
  }

 private:
  LogBroker& broker_;
  const std::shared_ptr<TopicLog> topic_;
};

Result<std::unique_ptr<Publisher>> LogBroker::publisher(std::string_view name, const PublisherOptions& options) {
  auto topic = existing_or_new(name, true);
  if (!topic) return topic.error();
  return make_publisher(std::make_unique<Steps>(*this, std::move(*topic)), options);
}

void LogBroker::sync_in_background(const std::shared_ptr<TopicLog>& topic) {
  const std::scoped_lock lock(mutex_);
  if (std::ranges::find(interval_topics_, topic) == interval_topics_.end()) interval_topics_.push_back(topic);
  if (syncer_ || closed_) return;
  syncer_ = std::make_unique<Syncer>();
  syncer_->thread = std::jthread([this, &wakes = syncer_->stop](const std::stop_token& stop) {
    std::unique_lock waiting(mutex_);
    while (!stop.stop_requested()) {
      wakes.wait_for(waiting, stop, std::chrono::seconds{1}, [] { return false; });
      const auto topics = interval_topics_;
      waiting.unlock();
      for (const auto& behind : topics) behind->sync_behind();
      waiting.lock();
    }
  });
}

Result<std::unique_ptr<Consumer>> LogBroker::subscribe(std::string_view name, const ConsumerOptions& options) {
  if (auto valid = validate(options); !valid) return valid.error();
  auto topic = existing_or_new(name, options.create_topic);
  if (!topic) return topic.error();
  auto member = Member::join(*topic, options, *options_.clock, *options_.log);
  if (!member) return member.error();
  const std::scoped_lock lock(mutex_);
  if (closed_) return closed();
  std::erase_if(members_, [](const auto& known) { return known.expired(); });
  members_.push_back(*member);
  return std::make_unique<LogConsumer>(std::move(*member));
}

Result<TopicInfo> LogBroker::info(TopicLog& topic) {
  auto keeping = topic.keeping();
  if (!keeping) return keeping.error();
  TopicInfo info{
      .name = topic.name(),
      .durability = static_cast<Durability>(topic.meta().durability),
      .event_bytes_max = topic.meta().event_bytes_max,
      .retention = {.bytes = keeping->bytes, .age = keeping->age, .waits_for_groups = keeping->waits_for_groups},
      .partitions = {},
      .error = {}};
  for (std::uint32_t number = 0; number < topic.meta().partitions; ++number) {
    auto partition = topic.partition(number);
    if (!partition) return partition.error();
    const auto end = (*partition)->visible_end();
    auto earliest = (*partition)->earliest();
    if (!earliest) return earliest.error();
    info.partitions.push_back({Partition{number}, Offset{std::min(*earliest, end)}, Offset{end}});
  }
  return info;
}

Result<std::vector<TopicInfo>> LogBroker::topics() {
  if (closed_) return closed();
  auto names = directory_->topics();
  if (!names) return names.error();
  std::vector<TopicInfo> infos;
  for (const auto& name : *names) {
    auto found = directory_->find(name);
    if (found && !*found) continue;  // gone meanwhile
    auto one = found ? info(**found) : Result<TopicInfo>{found.error()};
    // One that is damaged hides no other.
    infos.push_back(one ? std::move(*one) : TopicInfo{.name = name, .partitions = {}, .error = one.error()});
  }
  return infos;
}

Result<TopicInfo> LogBroker::topic(std::string_view name) {
  auto found = existing(name);
  if (!found) return found.error();
  return info(**found);
}

Result<std::vector<GroupInfo>> LogBroker::groups(std::string_view name) {
  auto topic = existing(name);
  if (!topic) return topic.error();
  auto names = (*topic)->groups();
  if (!names) return names.error();
  std::vector<GroupInfo> infos;
  for (const auto& group : *names) {
    auto one = info(**topic, group);
    // One that is damaged hides no other.
    infos.push_back(
        one ? std::move(*one)
            : GroupInfo{.topic = std::string(name), .group = group, .partitions = {}, .error = one.error()});
  }
  return infos;
}

Result<GroupInfo> LogBroker::info(TopicLog& topic, const std::string& group) {
  GroupInfo info{.topic = topic.name(), .group = group, .partitions = {}, .error = {}};
  auto file = topic.group(group, false);
  if (!file) return file.error();
  for (std::uint32_t number = 0; number < topic.meta().partitions; ++number) {
    auto record = file->read(number);
    if (!record) return record.error();
    auto partition = topic.partition(number);
    if (!partition) return partition.error();
    auto held = file->is_held_by_other(number);
    if (!held) return held.error();
    const auto known = record->value_or(tidings::log::GroupRecord{});
    auto position = (*partition)->what_holds(known.position, known.epoch);
    if (!position) return position.error();
    const auto end = (*partition)->visible_end();
    info.partitions.push_back({.partition = Partition{number},
                               .position = Offset{std::min(*position, end)},
                               .end = Offset{end},
                               .settled_beyond = known.settled_beyond,
                               .handled = known.handled,
                               .parked = known.parked,
                               .expired = known.expired,
                               .skipped = known.skipped,
                               .owned = *held});
  }
  return info;
}

Result<> LogBroker::seek(std::string_view name, std::string_view group, const Start& to) {
  if (auto valid = validate_name("group", group); !valid) return valid;
  auto topic = existing(name);
  if (!topic) return topic.error();
  auto file = (*topic)->group(std::string(group), true);
  if (!file) return file.error();
  const auto active = [&] {
    return Error{"group_active",
                 "group " + std::string(group) + " has live members on topic " + std::string(name) +
                     "; stop them and seek again",
                 Retry::same_call};
  };
  // All partitions are held first: a member that joins now waits until all positions are written.
  const auto partitions = (*topic)->meta().partitions;
  for (std::uint32_t number = 0; number < partitions; ++number) {
    auto mine = file->try_hold(number);
    if (!mine) return mine.error();
    if (!*mine) return active();  // the file closes, and with it go the holds
  }
  auto members = file->has_members();
  if (!members) return members.error();
  if (*members) return active();
  for (std::uint32_t number = 0; number < partitions; ++number) {
    auto partition = (*topic)->partition(number);
    if (!partition) return partition.error();
    auto position = log::resolve(**partition, to);
    if (!position) return position.error();
    auto record = file->read(number);
    if (!record) return record.error();
    auto next = record->value_or(tidings::log::GroupRecord{});
    // What is passed over counts as skipped; what is taken back counts again when it is handled again.
    if (*record && *position > next.position) next.skipped += *position - next.position;
    next.position = *position;
    ++next.moves;
    next.epoch = (*partition)->epoch();
    next.settled_beyond = 0;
    ++next.sequence;
    ++next.generation;
    if (auto written = file->write(number, next); !written) return written;
  }
  return file->sync();
}

void LogBroker::end_all(Duration wait_max) {
  if (directory_->is_forked()) {
    // Everything is the parent's: its mutexes may be locked for ever here, and its threads are not there to be joined.
    [[maybe_unused]] auto* const of_the_parent = syncer_.release();
    return;
  }
  const auto until = deadline_after(std::chrono::steady_clock::now(), wait_max);
  std::vector<std::shared_ptr<Member>> live;
  std::unique_ptr<Syncer> syncer;
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    for (const auto& known : members_)
      if (auto member = known.lock()) live.push_back(std::move(member));
    members_.clear();
    syncer = std::move(syncer_);
  }
  for (const auto& member : live) member->begin_closing();
  for (const auto& member : live) member->drain(left(until));
  syncer.reset();
  std::vector<std::shared_ptr<TopicLog>> behind;
  {
    const std::scoped_lock lock(mutex_);  // a late publish may still add to it
    behind = std::move(interval_topics_);
  }
  for (const auto& topic : behind) topic->sync_behind();
}

Result<std::unique_ptr<Broker>> open_log(std::string_view url, const BrokerOptions& options) {
  auto path = std::string(url.substr(url.find(':') + 1));
  LogDirectory::Options how{.clock = options.clock, .log = options.log, .files = options.files};
  if (const auto mark = path.find('?'); mark != path.npos) {
    const auto option = path.substr(mark + 1);
    if (option != "any_file_system=true")
      return Error{"invalid_url", "'" + printable(url) + "': '" + printable(option) +
                                      "' is no option of a log; there is any_file_system=true"};
    how.any_file_system = true;
    path.resize(mark);
  }
  if (path.empty()) return Error{"invalid_url", "'" + printable(url) + "' names no directory; write log:./data"};
  auto directory = LogDirectory::open(path, how);
  if (!directory) return directory.error();
  return std::make_unique<LogBroker>(std::move(*directory), options);
}

}  // namespace

BrokerFactory log_factory() {
  return {.scheme = "log", .example = "log:./data", .open = open_log};
}

}  // namespace tidings::brokers
