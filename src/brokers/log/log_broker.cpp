#include "brokers/log/log_broker.hpp"

#include <algorithm>
#include <cassert>
#include <system_error>
#include <utility>

#include "tidings/base/text.hpp"

namespace tidings::brokers::log {
namespace {

using tidings::log::TopicMeta;

constexpr std::size_t event_bytes_limit = std::size_t{256} << 20;

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
  std::optional<Hold> keep(Partition partition) override { return member_->keep(partition); }
  void let_go(Partition partition) override { member_->let_go(partition); }
  void wake() override { member_->wake(); }
  Result<> close(Duration wait_max) override {
    member_->drain(wait_max);
    return {};
  }

 private:
  std::shared_ptr<Member> member_;
};

TopicMeta meta_of(const TopicOptions& options) {
  return {.partitions = std::max<std::uint32_t>(options.partitions, 1),
          .durability = options.durability.value_or(Durability::durable),
          .event_bytes_max = options.event_bytes(),
          .keeping = options.retention.value_or(Retention{})};
}

}  // namespace

Error busy_if_gone(Error error) {
  if (error.code == "group_gone") error.code = "busy";
  return error;
}

Result<std::shared_ptr<TopicLog>> LogBroker::existing(std::string_view name) {
  assert(!directory_->is_forked() && "a log that was opened before fork() must not be used after it");
  if (closed_) return closed();
  if (auto known = directory_->known(name)) [[likely]]
    return known;
  if (auto valid = validate_name("topic", name); !valid) return valid.error();
  auto found = directory_->find(name);
  if (!found || *found) return found;
  auto known = directory_->topics();
  if (known) std::erase(*known, name);                                   // somebody made it just now
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
    return differs("durability", std::string(to_string(there.durability)), std::string(to_string(*options.durability)));
  if (options.event_bytes_max != 0 && there.event_bytes_max != wanted.event_bytes_max)
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
  return (*topic)->keep(retention);
}

Result<> LogBroker::delete_topic(std::string_view name) {
  // One that is damaged must be able to go, too.
  if (auto topic = existing(name); !topic && topic.error().code != "corrupt") return topic.error();
  bool was_synced = false;
  {
    const std::scoped_lock lock(mutex_);
    was_synced = std::erase_if(interval_topics_, [&](const auto& topic) { return topic->name() == name; }) > 0;
  }
  auto done = directory_->remove(std::string(name));
  if (done || !was_synced) return done;
  // The topic stays, but its handle may be gone: what was acknowledged through that is to be synced still.
  auto topic = directory_->find(name);
  if (!topic || !*topic) return done;
  for (std::uint32_t number = 0; number < (*topic)->meta().partitions; ++number)
    if (auto partition = (*topic)->partition(number); !partition)
      options_.log->write(LogLevel::warning, "events of topic " + std::string(name) +
                                                 " may not be synced: " + to_string(partition.error()));
  sync_in_background(*topic);
  return done;
}

Result<> LogBroker::delete_group(std::string_view name, std::string_view group) {
  if (auto valid = validate_name("group", group); !valid) return valid;
  auto topic = existing(name);
  if (!topic) return topic.error();
  auto removed = (*topic)->remove_group(std::string(group));
  if (removed || (removed.error().code != "not_found" && removed.error().code != "group_active")) return removed;
  return removed.error().code == "not_found" ? unknown_group(name, group)
                                             : group_active(name, group, "delete it again");
}

void LogBroker::sync_in_background(const std::shared_ptr<TopicLog>& topic) {
  const std::scoped_lock lock(mutex_);
  if (std::ranges::find(interval_topics_, topic) == interval_topics_.end()) {
    std::erase_if(interval_topics_, [](const auto& known) { return known->is_deleted(); });
    interval_topics_.push_back(topic);
  }
  start_syncer();
}

/// Every second it syncs what the topics of `interval` have, and where groups stand. Under the mutex.
void LogBroker::start_syncer() {
  if (syncer_ || closed_) return;
  auto syncer = std::make_unique<Syncer>();
  try {
    syncer->thread = std::jthread([this, &wakes = syncer->stop](const std::stop_token& stop) {
      std::unique_lock waiting(mutex_);
      while (!stop.stop_requested()) {
        wakes.wait_for(waiting, stop, std::chrono::seconds{1}, [] { return false; });
        const auto topics = interval_topics_;
        const auto members = members_;
        waiting.unlock();
        for (const auto& behind : topics) behind->sync_behind();
        for (const auto& known : members)
          if (const auto member = known.lock()) {
            member->share_behind();
            member->sync_positions();
          }
        waiting.lock();
      }
    });
  } catch (const std::system_error& none) {  // with the next publish it is tried again
    if (!std::exchange(has_told_no_thread_, true))
      options_.log->write(LogLevel::warning, std::string("nothing is synced in the background: ") + none.what());
    return;
  }
  syncer_ = std::move(syncer);
}

Result<std::unique_ptr<Consumer>> LogBroker::subscribe(std::string_view name, const ConsumerOptions& options) {
  if (auto valid = validate(options); !valid) return valid.error();
  auto topic = std::shared_ptr<TopicLog>{};
  auto member = with_topic(name, options.create_topic, [&](const std::shared_ptr<TopicLog>& found) {
    topic = found;
    return Member::join(found, options, *options_.clock, *options_.log);
  });
  if (!member) return busy_if_gone(member.error());
  // Whoever published may have been killed before it synced.
  if (topic->meta().durability == Durability::interval) sync_in_background(topic);
  const std::scoped_lock lock(mutex_);
  if (closed_) return closed();
  if (!options.group.empty()) start_syncer();
  std::erase_if(members_, [](const auto& known) { return known.expired(); });
  members_.push_back(*member);
  return std::make_unique<LogConsumer>(std::move(*member));
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

}  // namespace tidings::brokers::log
