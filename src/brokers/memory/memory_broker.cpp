#include <algorithm>
#include <atomic>
#include <chrono>

#include "brokers/memory/medium.hpp"
#include "brokers/memory/url.hpp"
#include "tidings/base/text.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/broker/routing.hpp"

namespace tidings::brokers {

namespace {

using memory::Medium;
using memory::Member;
using memory::Topic;

Error closed() {
  return {"closed", "this memory broker is closed; open it again", Retry::reopen};
}

Error unknown_topic(std::string_view name) {
  return {"unknown_topic", "there is no topic '" + printable(name) + "'; publish to it or create it first"};
}

Result<> refuse_durability(std::optional<Durability> asked) {
  if (!asked || *asked == Durability::memory) return {};
  return Error{"unsupported", "memory: keeps nothing beyond the process, so no topic of it is '" +
                                  std::string(to_string(*asked)) + "'; use log:DIR, or leave the durability out"};
}

/// A consumer's state, which its broker's handle reaches as well, to close it.
struct Session {
  Session(std::shared_ptr<Medium> medium_, std::shared_ptr<Topic> topic_)
      : medium(std::move(medium_)), topic(std::move(topic_)) {}
  ~Session() { topic->leave(member); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  std::shared_ptr<Medium> medium;
  std::shared_ptr<Topic> topic;
  Member member;
};

class MemoryConsumer final : public Consumer {
 public:
  explicit MemoryConsumer(std::shared_ptr<Session> session) : session_(std::move(session)) {}
  ~MemoryConsumer() override { session_->topic->leave(session_->member); }
  MemoryConsumer(const MemoryConsumer&) = delete;
  MemoryConsumer& operator=(const MemoryConsumer&) = delete;

  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
    return session_->topic->fetch(session_->member, max, wait_max);
  }
  Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override {
    auto result = session_->topic->settle(session_->member, ids, outcome);
    session_->medium->settled();
    return result;
  }
  Result<> reject(std::span<const DeliveryId> ids, Duration delay) override {
    return session_->topic->reject(session_->member, ids, delay);
  }
  Result<> extend(std::span<const DeliveryId> ids) override { return session_->topic->extend(session_->member, ids); }
  std::vector<Partition> assignment() const override { return session_->topic->assignment(session_->member); }
  std::optional<Hold> keep(Partition partition) override { return session_->topic->keep(session_->member, partition); }
  void let_go(Partition partition) override { session_->topic->let_go(session_->member, partition); }
  void wake() override { session_->topic->wake(session_->member); }
  Result<> close(Duration wait_max) override {
    session_->topic->drain(session_->member, wait_max);
    return {};
  }

 private:
  std::shared_ptr<Session> session_;
};

class MemoryBroker final : public Broker {
 public:
  MemoryBroker(std::shared_ptr<Medium> medium, const BrokerOptions& options)
      : medium_(std::move(medium)), options_(options) {}
  ~MemoryBroker() override { end_all(Duration::zero()); }
  MemoryBroker(const MemoryBroker&) = delete;
  MemoryBroker& operator=(const MemoryBroker&) = delete;

  const Capabilities& capabilities() const override {
    static constexpr Capabilities what{.delete_group = true, .exact_counts = true, .delays = true, .producers = true};
    return what;
  }

  Result<> create_topic(std::string_view name, const TopicOptions& options) override {
    if (closed_) return closed();
    if (auto valid = check_new(name, options); !valid) return valid.error();
    if (auto made = medium_->make(name, options, true); !made) return made.error();
    return {};
  }

  Result<std::vector<Published>> publish(std::string_view name, std::span<const EnvelopeView> events,
                                         const PublishOptions& options) override;

  Result<std::unique_ptr<Consumer>> subscribe(std::string_view name, const ConsumerOptions& options) override;

  Result<std::vector<TopicInfo>> topics() override {
    if (closed_) return closed();
    std::vector<TopicInfo> infos;
    for (const auto& topic : medium_->topics()) infos.push_back(topic->info());
    return infos;
  }

  Result<TopicInfo> topic(std::string_view name) override {
    auto topic = existing(name);
    if (!topic) return topic.error();
    return (*topic)->info();
  }

  Result<std::vector<GroupInfo>> groups(std::string_view name) override {
    auto topic = existing(name);
    if (!topic) return topic.error();
    return (*topic)->groups();
  }

  Result<> seek(std::string_view name, std::string_view group, const Start& to) override {
    if (auto valid = validate_name("group", group); !valid) return valid;
    auto topic = existing(name);
    if (!topic) return topic.error();
    return (*topic)->seek(std::string(group), to);
  }

  Result<> delete_group(std::string_view name, std::string_view group) override {
    if (auto valid = validate_name("group", group); !valid) return valid;
    auto topic = existing(name);
    if (!topic) return topic.error();
    auto deleted = (*topic)->delete_group(std::string(group));
    if (deleted) medium_->settled();  // what only that group had not settled may go
    return deleted;
  }

  Result<> close(Duration wait_max) override {
    end_all(wait_max);
    return {};
  }

 private:
  Result<> check_new(std::string_view name, const TopicOptions& options) const;
  Result<std::shared_ptr<Topic>> existing(std::string_view name);
  Result<std::shared_ptr<Topic>> existing_or_new(std::string_view name, bool may_create);
  void end_all(Duration wait_max);

  const std::shared_ptr<Medium> medium_;
  const BrokerOptions options_;
  std::atomic<bool> closed_ = false;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Session>> sessions_;
};

Result<> MemoryBroker::check_new(std::string_view name, const TopicOptions& options) const {
  if (auto valid = validate_name("topic", name); !valid) return valid;
  if (auto valid = validate(options); !valid) return valid;
  if (options.retention && !options.retention->is_for_ever())
    return Error{"unsupported", "a memory: broker has no retention by age or size; bound it by bytes_max and retain"};
  return refuse_durability(options.durability);
}

Result<std::shared_ptr<Topic>> MemoryBroker::existing(std::string_view name) {
  if (closed_) return closed();
  if (auto valid = validate_name("topic", name); !valid) return valid.error();
  if (auto topic = medium_->find(name)) return topic;
  return unknown_topic(name);
}

Result<std::shared_ptr<Topic>> MemoryBroker::existing_or_new(std::string_view name, bool may_create) {
  auto topic = existing(name);
  if (topic || topic.error().code != "unknown_topic" || !may_create || !options_.create_topics) return topic;
  if (auto valid = check_new(name, options_.topic_defaults); !valid) return valid.error();
  return medium_->make(name, options_.topic_defaults, false);
}

Result<std::vector<Published>> MemoryBroker::publish(std::string_view name, std::span<const EnvelopeView> events,
                                                     const PublishOptions& options) {
  if (auto refused = refuse_durability(options.wait_for); !refused) return refused.error();
  auto found = existing_or_new(name, true);
  if (!found) return found.error();
  auto& topic = **found;
  const bool keyless = std::ranges::any_of(events, [](const EnvelopeView& event) { return event.key.empty(); });
  auto routing =
      route(events, options, topic.partitions(), topic.event_bytes_max(), keyless ? topic.next_partition() : 0);
  if (!routing) return routing.error();
  std::size_t bytes = 0;
  for (const auto& part : routing->parts) bytes += memory::chunk_bytes(part.events);
  if (auto reserved = medium_->reserve(bytes, options.wait_max); !reserved) return reserved.error();
  std::vector<Topic::Part> parts;
  for (const auto& part : routing->parts)
    parts.push_back({part.partition.value, memory::make_chunk(part.events), part.sequences});
  if (options.producer) {
    auto appended = topic.append_once(parts, *options.producer, options_.clock->now());
    if (!appended) {
      medium_->give_back(bytes);
      return appended.error();
    }
    medium_->give_back(appended->bytes_left);
    for (std::size_t index = 0; index < parts.size(); ++index)
      routing->set_first(Partition{parts[index].partition}, Offset{parts[index].chunk->first},
                         appended->duplicates[index]);
    return std::move(routing->places);
  }
  topic.append(parts, options_.clock->now());
  for (const auto& part : parts) routing->set_first(Partition{part.partition}, Offset{part.chunk->first});
  return std::move(routing->places);
}

Result<std::unique_ptr<Consumer>> MemoryBroker::subscribe(std::string_view name, const ConsumerOptions& options) {
  if (auto valid = validate(options); !valid) return valid.error();
  auto topic = existing_or_new(name, options.create_topic);
  if (!topic) return topic.error();
  auto session = std::make_shared<Session>(medium_, *topic);
  session->member.options = options;
  session->member.clock = options_.clock;
  const std::scoped_lock lock(mutex_);
  if (closed_) return closed();
  (*topic)->join(session->member);
  std::erase_if(sessions_, [](const auto& known) { return known.expired(); });
  sessions_.push_back(session);
  return std::make_unique<MemoryConsumer>(std::move(session));
}

void MemoryBroker::end_all(Duration wait_max) {
  const auto until = deadline_after(std::chrono::steady_clock::now(), wait_max);
  std::vector<std::shared_ptr<Session>> live;
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    for (const auto& known : sessions_)
      if (auto session = known.lock()) live.push_back(std::move(session));
    sessions_.clear();
  }
  for (const auto& session : live) session->topic->begin_leaving(session->member);
  for (const auto& session : live)
    session->topic->drain(session->member,
                          std::max(Duration::zero(), Duration{until - SteadyTime{std::chrono::steady_clock::now()}}));
}

Result<std::unique_ptr<Broker>> open_memory(std::string_view text, const BrokerOptions& options) {
  auto url = memory::parse_url(text);
  if (!url) return url.error();
  auto medium = Medium::open(*url);
  if (!medium) return medium.error();
  return std::make_unique<MemoryBroker>(std::move(*medium), options);
}

}  // namespace

BrokerFactory memory_factory() {
  return {.scheme = "memory", .example = "memory:NAME", .open = open_memory};
}

}  // namespace tidings::brokers
