#include "brokers/nats/nats_broker.hpp"

#include <algorithm>

#include "brokers/nats/names.hpp"
#include "tidings/base/text.hpp"

namespace tidings::brokers {

namespace nats {

namespace {

Error closed() {
  return {"closed", "this NATS broker is closed; open it again", Retry::reopen};
}

class NatsConsumer final : public Consumer {
 public:
  explicit NatsConsumer(std::shared_ptr<Member> member) : member_(std::move(member)) {}
  ~NatsConsumer() override { member_->close(Duration::zero()); }
  NatsConsumer(const NatsConsumer&) = delete;
  NatsConsumer& operator=(const NatsConsumer&) = delete;

  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
    return member_->fetch(max, wait_max);
  }
  Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override { return member_->settle(ids, outcome); }
  Result<> reject(std::span<const DeliveryId> ids, Duration delay) override { return member_->reject(ids, delay); }
  Result<> extend(std::span<const DeliveryId> ids) override { return member_->extend(ids); }
  std::vector<Partition> assignment() const override { return member_->assignment(); }
  std::optional<Hold> keep(Partition partition) override { return member_->keep(partition); }
  void let_go(Partition partition) override { member_->let_go(partition); }
  void wake() override { member_->wake(); }
  Result<> close(Duration wait_max) override {
    member_->close(wait_max);
    return {};
  }

 private:
  const std::shared_ptr<Member> member_;
};

class NatsPublish final : public TwoStepPublish {
 public:
  /// `sender`, where given, is used instead of the topic's own.
  NatsPublish(NatsBroker& broker, std::string_view topic, std::shared_ptr<Sender> sender = nullptr)
      : broker_(broker), topic_(topic), sender_(std::move(sender)) {}
  Result<Finish> begin(std::span<const EnvelopeView> events, const PublishOptions& options) override {
    auto outlet = broker_.outlet(topic_, deadline_after(steady_now(), options.wait_max));
    if (!outlet) return outlet.error();
    if (options.wait_for && *options.wait_for > outlet->durability)
      return Error{"unsupported", "a publish to NATS is as durable as its topic, '" +
                                      std::string(to_string(outlet->durability)) + "'; create it as '" +
                                      std::string(to_string(*options.wait_for)) + "', or leave wait_for out"};
    if (options.producer) {
      auto places = outlet->producing->publish(events, options);
      if (!places && places.error().code != "outcome_unknown") return places.error();
      return Finish{[places = std::move(places)] { return places; }};
    }
    if (sender_) outlet->sender = sender_;
    auto call = outlet->sender->begin(events, options);
    if (!call) return call.error();
    return Finish{[sender = std::move(outlet->sender), call = std::move(*call)] { return sender->finish(call); }};
  }

 private:
  NatsBroker& broker_;
  const std::string topic_;
  const std::shared_ptr<Sender> sender_;
};

}  // namespace

Result<std::unique_ptr<NatsBroker>> NatsBroker::open(Url url, const BrokerOptions& options) {
  auto link = Link::open(url, *options.log);
  if (!link) return link.error();
  auto core = std::make_shared<Core>(std::move(url), options, std::move(*link));
  if (auto begun = core->topics.begin(steady_now() + call_within); !begun) return begun.error();
  std::unique_ptr<NatsBroker> broker(new NatsBroker(core));
  core->api.link().listen_to_changes([weak = std::weak_ptr(core)](const Message& message) {
    const auto alive = weak.lock();
    if (!alive) return;
    const std::string_view subject = natsMsg_GetSubject(message.get());
    for (const auto& member : alive->live_members())
      if (!member->is_reader() && subject == change_subject(member->topic().name(), member->group()))
        member->group_changed();
  });
  return broker;
}

NatsBroker::~NatsBroker() {
  (void)close(Duration::zero());
}

const Capabilities& NatsBroker::capabilities() const {
  static constexpr Capabilities what{.persistent = true,
                                     .several_processes = true,
                                     .retention = true,
                                     .delete_group = true,
                                     .exact_counts = true,
                                     .producers = true};
  return what;
}

Result<> NatsBroker::check_open() const {
  return is_closed_ ? Result<>(closed()) : Result<>{};
}

Result<> NatsBroker::create_topic(std::string_view topic, const TopicOptions& options) {
  if (auto open = check_open(); !open) return open;
  if (auto made = core_->topics.make(topic, options, true, steady_now() + call_within); !made) return made.error();
  return {};
}

Result<> NatsBroker::set_retention(std::string_view topic, const Retention& retention) {
  if (auto open = check_open(); !open) return open;
  return core_->topics.set_retention(topic, retention, steady_now() + call_within);
}

Result<NatsBroker::Outlet> NatsBroker::outlet(std::string_view topic, SteadyTime until) {
  if (auto open = check_open(); !open) return open.error();
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = outlets_.find(topic); found != outlets_.end()) return found->second;
  }
  auto known = core_->topics.find_or_make(topic, true, until);
  if (!known && known.error().code == "unreachable") known.error().code = "backpressure";  // nothing was written
  if (!known) return known.error();
  const std::scoped_lock lock(mutex_);
  if (is_closed_) return closed();
  auto& outlet = outlets_[std::string(topic)];
  if (!outlet.sender)
    outlet = {Sender::make(core_->api.shared_link(), *known), std::make_shared<Producing>(core_->api, *known),
              (*known)->durability()};
  return outlet;
}

Result<std::vector<Published>> NatsBroker::publish(std::string_view topic, std::span<const EnvelopeView> events,
                                                   const PublishOptions& options) {
  NatsPublish steps(*this, topic);
  auto finish = steps.begin(events, options);
  if (!finish) return finish.error();
  return (*finish)();
}

Result<std::unique_ptr<Publisher>> NatsBroker::publisher(std::string_view topic, const PublisherOptions& options) {
  if (auto valid = validate(options); !valid) return valid.error();
  auto sender = sender_together(topic, steady_now() + call_within);
  if (!sender) return sender.error();
  return make_publisher(std::make_unique<NatsPublish>(*this, topic, std::move(*sender)), options);
}

Result<std::shared_ptr<Sender>> NatsBroker::sender_together(std::string_view topic, SteadyTime until) {
  auto own = outlet(topic, until);
  if (!own) return own.error();
  const std::scoped_lock opening(opening_mutex_);
  if (const auto found = senders_together_.find(topic); found != senders_together_.end()) return found->second;
  auto known = core_->topics.find(topic, until);
  if (!known) return known.error();
  if (!link_together_) {
    auto link = Link::open(core_->url, *core_->options.log, Sending::together);
    if (!link) return own->sender;  // a server may have a bound of connections
    const std::scoped_lock lock(mutex_);
    link_together_ = std::move(*link);
  }
  auto made = Sender::make(link_together_, *known);
  const std::scoped_lock lock(mutex_);
  if (is_closed_) return closed();
  return senders_together_[std::string(topic)] = std::move(made);
}

Result<std::unique_ptr<Consumer>> NatsBroker::subscribe(std::string_view topic, const ConsumerOptions& options) {
  if (auto open = check_open(); !open) return open.error();
  if (auto valid = validate(options); !valid) return valid.error();
  const auto until = steady_now() + call_within;
  auto known = core_->topics.find_or_make(topic, options.create_topic, until);
  if (!known) return known.error();
  auto member = std::make_shared<Member>(core_, *known, options);
  auto consumer = std::make_unique<NatsConsumer>(member);
  if (auto begun = member->begin(until); !begun) return begun.error();
  core_->add(member);
  if (is_closed_) return closed();
  return consumer;
}

Result<std::vector<TopicInfo>> NatsBroker::topics() {
  if (auto open = check_open(); !open) return open.error();
  const auto until = steady_now() + call_within;
  auto names = core_->topics.names(until);
  if (!names) return names.error();
  std::vector<TopicInfo> infos;
  for (const auto& name : *names) {
    auto info = core_->topics.info(name, until);
    if (info)
      infos.push_back(std::move(*info));
    else if (info.error().code != "unknown_topic")
      infos.push_back({.name = name, .partitions = {}, .error = info.error()});
  }
  return infos;
}

Result<TopicInfo> NatsBroker::topic(std::string_view topic) {
  if (auto open = check_open(); !open) return open.error();
  return core_->topics.info(topic, steady_now() + call_within);
}

Result<std::vector<GroupInfo>> NatsBroker::groups(std::string_view topic) {
  if (auto open = check_open(); !open) return open.error();
  const auto until = steady_now() + call_within;
  auto info = core_->topics.info(topic, until);
  if (!info) return info.error();
  auto names = core_->api.records(groups_prefix(topic), until);
  if (!names) return names.error();
  for (auto& name : *names) name = from_token(name);
  std::ranges::sort(*names);
  std::vector<GroupInfo> infos;
  for (const auto& name : *names) {
    auto one = group(topic, name, *info, until);
    if (one)
      infos.push_back(std::move(*one));
    else
      infos.push_back({.topic = std::string(topic), .group = name, .partitions = {}, .error = one.error()});
  }
  return infos;
}

Result<GroupInfo> NatsBroker::group(std::string_view topic, const std::string& group, const TopicInfo& info,
                                    SteadyTime until) {
  GroupStore store(core_->api, std::string(topic), group, static_cast<std::uint32_t>(info.partitions.size()));
  auto seen = store.read(until);
  if (!seen) return seen.error();
  // All members beat into the record, so one that is older than a lease, by the clock that dated it, has no live ones.
  bool is_fresh = false;
  if (!seen->record.members.empty()) {
    auto now = core_->api.server_now(std::string(bucket_stream), until);
    if (!now) return now.error();
    is_fresh = *now - seen->written < 2 * core_->url.lease;
  }
  GroupInfo out{.topic = std::string(topic), .group = group, .partitions = {}};
  const auto members = core_->live_members();
  for (const auto& partition : info.partitions) {
    auto position = store.position(partition.partition.value, until);
    if (!position) return position.error();
    const auto& record = position->record;
    auto at = Offset{record.position};
    if (at > partition.end) {  // it has gone on since; or its stream was made anew, and it begins again
      auto stream = core_->api.stream_info(stream_name(topic, partition.partition.value), until);
      if (!stream) return stream.error();
      if (at.value > stream->state.end()) at = Offset{stream->state.earliest()};
    }
    auto beyond = record.settled_beyond;
    for (const auto& member : members)
      if (member->group() == group && member->topic().name() == topic)
        beyond = member->settled_beyond(partition.partition.value).value_or(beyond);
    out.partitions.push_back({.partition = partition.partition,
                              .position = at,
                              .end = partition.end,
                              .settled_beyond = beyond,
                              .handled = record.handled,
                              .parked = record.parked,
                              .expired = record.expired,
                              .skipped = record.skipped,
                              .owned = is_fresh && !seen->record.places.at(partition.partition.value).holder.empty(),
                              .earliest = partition.earliest});
  }
  return out;
}

Result<> NatsBroker::close(Duration wait_max) {
  const auto until = deadline_after(steady_now(), wait_max);
  if (is_closed_.exchange(true)) return {};
  const auto members = core_->live_members();
  for (const auto& member : members) member->begin_closing();
  for (const auto& member : members) member->close(std::max(Duration::zero(), Duration{until - steady_now()}));
  keeper_.end();
  std::shared_ptr<Link> link_together;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [name, outlet] : outlets_) outlet.sender->close();
    for (const auto& [name, sender] : senders_together_) sender->close();
    link_together = link_together_;
  }
  if (link_together) link_together->close();
  core_->api.link().listen_to_changes({});
  core_->api.link().close();
  return {};
}

}  // namespace nats

namespace {

Result<std::unique_ptr<Broker>> open_nats(std::string_view text, const BrokerOptions& options) {
  auto url = nats::parse_url(text);
  if (!url) return url.error();
  auto broker = nats::NatsBroker::open(std::move(*url), options);
  if (!broker) return broker.error();
  return std::move(*broker);
}

}  // namespace

BrokerFactory nats_factory() {
  return {.scheme = "nats", .example = "nats://localhost:4222", .open = open_nats};
}

}  // namespace tidings::brokers
