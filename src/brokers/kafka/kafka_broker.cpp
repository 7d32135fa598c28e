#include "brokers/kafka/kafka_broker.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <system_error>

#include "brokers/kafka/errors.hpp"
#include "brokers/kafka/groups.hpp"
#include "brokers/kafka/member.hpp"
#include "brokers/kafka/partitioning.hpp"
#include "brokers/kafka/producer.hpp"
#include "tidings/base/text.hpp"

namespace tidings::brokers::kafka {

namespace {

class KafkaConsumer final : public Consumer {
 public:
  explicit KafkaConsumer(std::shared_ptr<Member> member) : member_(std::move(member)) {}
  ~KafkaConsumer() override {
    member_->begin_closing();
    member_->leave();
  }
  KafkaConsumer(const KafkaConsumer&) = delete;
  KafkaConsumer& operator=(const KafkaConsumer&) = delete;

  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
    return member_->fetch(max, wait_max);
  }
  Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override { return member_->settle(ids, outcome); }
  Result<> reject(std::span<const DeliveryId> ids, Duration delay) override { return member_->reject(ids, delay); }
  Result<> extend(std::span<const DeliveryId> ids) override { return member_->extend(ids); }
  std::vector<Partition> assignment() const override { return member_->assignment(); }
  std::optional<Hold> keep(Partition partition) override { return member_->keep(partition); }
  void let_go(Partition partition) override { member_->let_go(partition); }
  [[nodiscard]] std::optional<Offset> read_to(Partition partition) const override {
    return member_->read_to(partition);
  }
  void wake() override { member_->wake(); }
  Result<> close(Duration wait_max) override {
    member_->begin_closing();
    member_->drain(wait_max);
    member_->leave();
    return {};
  }

 private:
  std::shared_ptr<Member> member_;
};

class KafkaBroker final : public Broker {
 public:
  KafkaBroker(const Url& url, std::shared_ptr<LogRelay> relay, std::shared_ptr<Cluster> cluster,
              const BrokerOptions& options)
      : url_(url),
        relay_(std::move(relay)),
        cluster_(std::move(cluster)),
        options_(options),
        names_(url.prefix),
        topics_(*cluster_, names_, options),
        groups_(*cluster_, names_),
        producer_(url, relay_) {}
  ~KafkaBroker() override { end_all(Duration::zero()); }
  KafkaBroker(const KafkaBroker&) = delete;
  KafkaBroker& operator=(const KafkaBroker&) = delete;

  const Capabilities& capabilities() const override {
    static constexpr Capabilities what{
        .persistent = true, .several_processes = true, .retention = true, .delete_group = true, .exact_counts = true};
    return what;
  }

  Result<> create_topic(std::string_view name, const TopicOptions& options) override {
    if (closed_) return closed();
    return topics_.create(name, options);
  }
  Result<> set_retention(std::string_view name, const Retention& retention) override {
    if (closed_) return closed();
    return topics_.set_retention(name, retention);
  }
  Result<> delete_topic(std::string_view name) override;
  Result<> delete_group(std::string_view name, std::string_view group) override {
    if (auto facts = existing(name, group); !facts) return facts.error();
    return groups_.remove(name, group);
  }

  Result<std::vector<Published>> publish(std::string_view name, std::span<const EnvelopeView> events,
                                         const PublishOptions& options) override {
    const auto until = deadline_after(std::chrono::steady_clock::now(), options.wait_max);
    const auto once = [&]() -> Result<std::vector<Published>> {
      auto sent = send(name, events, options, until);
      if (!sent) return sent.error();
      return answer(name, *sent, until);
    };
    auto places = once();
    // What was known of the topic is forgotten then: it may have been made anew meanwhile, or may be made now.
    return places || places.error().code != "unknown_topic" ? places : once();
  }
  Result<std::unique_ptr<Publisher>> publisher(std::string_view name, const PublisherOptions& options) override;
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view name, const ConsumerOptions& options) override;

  Result<std::vector<TopicInfo>> topics() override {
    if (closed_) return closed();
    return topics_.infos();
  }
  Result<TopicInfo> topic(std::string_view name) override {
    if (closed_) return closed();
    return topics_.info(name);
  }
  Result<std::vector<GroupInfo>> groups(std::string_view name) override {
    if (closed_) return closed();
    auto facts = topics_.existing(name);
    if (!facts) return facts.error();
    return groups_.infos(name, *facts);
  }
  Result<> seek(std::string_view name, std::string_view group, const Start& to) override {
    auto facts = existing(name, group);
    if (!facts) return facts.error();
    return groups_.seek(name, *facts, group, to);
  }

  Result<> close(Duration wait_max) override {
    end_all(wait_max);
    return {};
  }

  void fail_producer_for_tests() { producer_.fail_for_tests(); }

  /// Hands the events over. Errors as `publish`.
  Result<Producer::Sent> send(std::string_view name, std::span<const EnvelopeView> events,
                              const PublishOptions& options, SteadyTime until);
  Result<std::vector<Published>> answer(std::string_view name, const Producer::Sent& sent, SteadyTime until);

 private:
  Result<TopicFacts> existing(std::string_view name, std::string_view group) {
    if (closed_) return closed();
    if (auto valid = validate_name("group", group); !valid) return valid.error();
    return topics_.existing(name);
  }
  void end_all(Duration wait_max);

  const Url url_;
  const std::shared_ptr<LogRelay> relay_;
  const std::shared_ptr<Cluster> cluster_;
  const BrokerOptions options_;
  const Names names_;
  Topics topics_;
  Groups groups_;
  Producer producer_;
  std::atomic<std::uint32_t> turn_ = 0;  // of events without a key
  std::atomic<bool> closed_ = false;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Member>> members_;
};

/// A publish in two steps, for a window of them.
class KafkaPublish final : public TwoStepPublish {
 public:
  KafkaPublish(KafkaBroker& broker, std::string_view topic) : broker_(broker), topic_(topic) {}
  Result<Finish> begin(std::span<const EnvelopeView> events, const PublishOptions& options) override {
    const auto until = deadline_after(std::chrono::steady_clock::now(), options.wait_max);
    auto sent = broker_.send(topic_, events, options, until);
    if (!sent) return sent.error();
    return Finish{[this, until, sent = std::move(*sent)] { return broker_.answer(topic_, sent, until); }};
  }

 private:
  KafkaBroker& broker_;
  const std::string topic_;
};

Result<Producer::Sent> KafkaBroker::send(std::string_view name, std::span<const EnvelopeView> events,
                                         const PublishOptions& options, SteadyTime until) {
  if (closed_) return closed();
  if (options.producer)
    return Error{"unsupported",
                 "Kafka keeps no producers of ours: what is sent again comes twice, and an inbox sees it by its id"};
  auto facts = topics_.existing_or_new(name, true, std::min(until, Cluster::in_time()));
  if (!facts) return facts.error();
  if (options.wait_for && *options.wait_for > facts->traits.durability)
    return Error{"unsupported", "a publish to Kafka is as durable as its topic, '" +
                                    std::string(to_string(facts->traits.durability)) + "'; create it as '" +
                                    std::string(to_string(*options.wait_for)) + "', or leave wait_for out"};
  auto routing = partition(events, options, *facts, turn_++, url_.murmur2);
  if (!routing) return routing.error();
  return producer_.begin(names_.topic(name), std::move(*routing), events, until);
}

Result<std::vector<Published>> KafkaBroker::answer(std::string_view name, const Producer::Sent& sent,
                                                   SteadyTime until) {
  auto places = sent.pending->wait(until, "publishing to topic " + std::string(name), *relay_);
  if (!places && places.error().code == "unknown_topic") {
    topics_.forget(name);
    producer_.forget(names_.topic(name));
  }
  return places;
}

Result<std::unique_ptr<Publisher>> KafkaBroker::publisher(std::string_view name, const PublisherOptions& options) {
  if (closed_) return closed();
  if (auto valid = validate(options); !valid) return valid.error();
  if (auto facts = topics_.existing_or_new(name, true); !facts) return facts.error();
  try {
    return make_publisher(std::make_unique<KafkaPublish>(*this, name), options);
  } catch (const std::system_error& none) {
    return Error{"no_thread", std::string("a publisher needs a thread, and the system has none: ") + none.what(),
                 Retry::same_call};
  }
}

Result<std::unique_ptr<Consumer>> KafkaBroker::subscribe(std::string_view name, const ConsumerOptions& options) {
  if (closed_) return closed();
  if (auto valid = validate(options); !valid) return valid.error();
  auto facts = topics_.existing_or_new(name, options.create_topic);
  if (!facts) return facts.error();
  MemberPlan plan{.url = url_,
                  .cluster = cluster_,
                  .relay = relay_,
                  .topic = names_.topic(name),
                  .group = options.group.empty() ? "" : names_.group(name, options.group),
                  .partitions = facts->partitions,
                  .starts = {},
                  .options = options,
                  .clock = options_.clock};
  auto starts = options.group.empty() ? cluster_->resolve(plan.topic, plan.partitions, options.start)
                                      : groups_.begin(name, *facts, options.group, options.start);
  if (!starts) return starts.error();
  plan.starts = std::move(*starts);
  auto member = Member::join(std::move(plan));
  if (!member) return member.error();
  const std::scoped_lock lock(mutex_);
  if (closed_) return closed();
  std::erase_if(members_, [](const auto& known) { return known.expired(); });
  members_.push_back(*member);
  return std::make_unique<KafkaConsumer>(std::move(*member));
}

Result<> KafkaBroker::delete_topic(std::string_view name) {
  if (closed_) return closed();
  if (auto facts = topics_.existing(name); !facts) return facts.error();
  std::vector<std::string> groups;
  auto active = groups_.any_active(name, groups);
  if (!active) return active.error();
  if (*active)
    return Error{"busy",
                 "a group of topic " + std::string(name) + " has a live member; stop it, and delete the topic then",
                 Retry::same_call};
  if (auto removed = topics_.remove(name); !removed) return removed;
  for (const auto& group : groups)
    if (auto gone = groups_.remove(name, group); !gone && gone.error().code != "unknown_group") return gone;
  return {};
}

void KafkaBroker::end_all(Duration wait_max) {
  const auto until = deadline_after(std::chrono::steady_clock::now(), wait_max);
  std::vector<std::shared_ptr<Member>> live;
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    for (const auto& known : members_)
      if (auto member = known.lock()) live.push_back(std::move(member));
    members_.clear();
  }
  for (const auto& member : live) member->begin_closing();
  for (const auto& member : live)
    member->drain(std::max(Duration::zero(), Duration{until - SteadyTime{std::chrono::steady_clock::now()}}));
  for (const auto& member : live) member->begin_leaving();  // all at once
  for (const auto& member : live) member->leave();
  producer_.stop();
}

}  // namespace

void fail_producer_for_tests(Broker& broker) {
  dynamic_cast<KafkaBroker&>(broker).fail_producer_for_tests();
}

Result<std::unique_ptr<Broker>> open_kafka(std::string_view text, const BrokerOptions& options) {
  auto url = parse_url(text);
  if (!url) return url.error();
  auto relay = std::make_shared<LogRelay>(*options.log, *url);
  auto cluster = Cluster::open(*url, relay);
  if (!cluster) return cluster.error();
  return std::make_unique<KafkaBroker>(*url, std::move(relay), std::move(*cluster), options);
}

}  // namespace tidings::brokers::kafka

namespace tidings::brokers {

BrokerFactory kafka_factory() {
  return {.scheme = "kafka", .example = "kafka://HOST:PORT", .open = kafka::open_kafka};
}

}  // namespace tidings::brokers
