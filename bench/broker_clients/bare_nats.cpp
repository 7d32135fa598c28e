#include <nats/nats.h>

#include <atomic>
#include <stdexcept>

#include "broker_clients/contender.hpp"
#include "brokers/nats/names.hpp"

namespace bench::brokers {
namespace {

constexpr std::int64_t patience_ms = 30'000;
constexpr std::int64_t wait_ms = 5'000;

void check(natsStatus status, const char* what) {
  if (status != NATS_OK) throw std::runtime_error(std::string("libnats: ") + what + ": " + natsStatus_GetText(status));
}

class NatsReceiver final : public Receiver {
 public:
  NatsReceiver(jsCtx* stream, const std::string& topic, const std::string& group, bool one_at_a_time)
      : stream_(stream), name_(tidings::brokers::nats::stream_name(topic, 0)), group_(group), one_(one_at_a_time) {
    const auto subject = tidings::brokers::nats::subject_name(topic, 0);
    jsConsumerConfig config;
    check(jsConsumerConfig_Init(&config), "a consumer's configuration");
    config.Durable = group_.c_str();
    config.DeliverPolicy = js_DeliverAll;
    config.AckPolicy = js_AckAll;
    check(js_AddConsumer(nullptr, stream_, name_.c_str(), &config, nullptr, nullptr), "a consumer");
    jsSubOptions options;
    check(jsSubOptions_Init(&options), "a subscription's options");
    options.Stream = name_.c_str();
    options.Consumer = group_.c_str();
    check(js_PullSubscribe(&subscription_, stream_, subject.c_str(), group_.c_str(), nullptr, &options, nullptr),
          "a subscription");
    natsSubscription_SetPendingLimits(subscription_, -1, -1);
  }
  ~NatsReceiver() override {
    natsSubscription_Destroy(subscription_);
    js_DeleteConsumer(stream_, name_.c_str(), group_.c_str(), nullptr, nullptr);
  }
  NatsReceiver(const NatsReceiver&) = delete;
  NatsReceiver& operator=(const NatsReceiver&) = delete;

  std::size_t take(std::size_t max, const Came& came) override {
    natsMsgList list;
    // A fetch of several waits until it has all of them.
    if (natsSubscription_Fetch(&list, subscription_, one_ ? 1 : static_cast<int>(max), wait_ms, nullptr) != NATS_OK)
      return 0;
    bool is_fine = true;
    for (int index = 0; index < list.Count; ++index) {
      auto* const message = list.Msgs[index];
      const char* id = nullptr;
      const char* type = nullptr;
      is_fine = is_fine && natsMsgHeader_Get(message, "ce-id", &id) == NATS_OK &&
                natsMsgHeader_Get(message, "ce-type", &type) == NATS_OK && type == Events::type;
      came(Events::number_of({natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message))}));
    }
    const auto count = static_cast<std::size_t>(list.Count);
    is_fine = is_fine && count > 0 && natsMsg_AckSync(list.Msgs[count - 1], nullptr, nullptr) == NATS_OK;
    natsMsgList_Destroy(&list);
    return is_fine ? count : 0;
  }

 private:
  jsCtx* const stream_;
  const std::string name_;
  const std::string group_;
  const bool one_;
  natsSubscription* subscription_ = nullptr;
};

class BareNats final : public Contender {
 public:
  explicit BareNats(const std::string& url) {
    check(natsConnection_ConnectTo(&connection_, url.c_str()), "connecting");
    check(natsConnection_JetStream(&stream_, connection_, nullptr), "JetStream");
  }
  ~BareNats() override {
    jsCtx_Destroy(stream_);
    natsConnection_Destroy(connection_);
  }
  BareNats(const BareNats&) = delete;
  BareNats& operator=(const BareNats&) = delete;

  std::uint64_t publish(const std::string& topic, Events& events, std::uint64_t count, std::size_t window) override {
    std::atomic<std::uint64_t> failed = 0;
    jsOptions options;
    check(jsOptions_Init(&options), "options");
    options.PublishAsync.MaxPending = static_cast<std::int64_t>(window);
    options.PublishAsync.StallWait = patience_ms;
    options.PublishAsync.ErrHandler = [](jsCtx*, jsPubAckErr*, void* count_failed) {
      ++*static_cast<std::atomic<std::uint64_t>*>(count_failed);
    };
    options.PublishAsync.ErrHandlerClosure = &failed;
    jsCtx* stream = nullptr;
    check(natsConnection_JetStream(&stream, connection_, &options), "JetStream");
    const auto subject = tidings::brokers::nats::subject_name(topic, 0);
    std::string before;
    bool is_fine = true;
    for (std::uint64_t number = 0; number < count && is_fine; ++number) {
      const auto& event = events.next(number);
      natsMsg* message = nullptr;
      auto publishing = made(message, subject, event);
      if (!before.empty()) publishing.ExpectLastMsgId = before.c_str();
      is_fine = js_PublishMsgAsync(stream, &message, &publishing) == NATS_OK;
      natsMsg_Destroy(message);
      before = id_;
    }
    jsPubOptions waiting;
    check(jsPubOptions_Init(&waiting), "options");
    waiting.MaxWait = patience_ms;
    is_fine = is_fine && js_PublishAsyncComplete(stream, &waiting) == NATS_OK;
    jsCtx_Destroy(stream);
    return is_fine ? count - failed : 0;
  }

  bool publish_one(const std::string& topic, const Events::Event& event) override {
    natsMsg* message = nullptr;
    auto publishing = made(message, tidings::brokers::nats::subject_name(topic, 0), event);
    jsPubAck* acknowledged = nullptr;
    const bool is_fine =
        js_PublishMsg(&acknowledged, stream_, message, &publishing, nullptr) == NATS_OK && !acknowledged->Duplicate;
    jsPubAck_Destroy(acknowledged);
    natsMsg_Destroy(message);
    return is_fine;
  }

  std::unique_ptr<Receiver> receive(const std::string& topic, const std::string& group, bool one_at_a_time) override {
    return std::make_unique<NatsReceiver>(stream_, topic, group, one_at_a_time);
  }

 private:
  /// Its headers are those that Tidings sends.
  jsPubOptions made(natsMsg*& message, const std::string& subject, const Events::Event& event) {
    check(natsMsg_Create(&message, subject.c_str(), nullptr, event.payload.data(),
                         static_cast<int>(event.payload.size())),
          "a message");
    const auto set = [&](const char* name, std::string_view value) {
      check(natsMsgHeader_Set(message, name, value.data()), name);  // all of them end with a zero
    };
    set("ce-specversion", "1.0");
    set("ce-id", event.id);
    set("ce-type", Events::type);
    set("ce-source", Events::source);
    set("ce-partitionkey", event.key);
    set("content-type", Events::content_type);
    set("ce-time", Events::time_text);
    id_ = std::string(Events::source) + "/" + event.id;
    jsPubOptions options;
    check(jsPubOptions_Init(&options), "options");
    options.MsgId = id_.c_str();
    return options;
  }

  natsConnection* connection_ = nullptr;
  jsCtx* stream_ = nullptr;
  std::string id_;
};

}  // namespace

std::unique_ptr<Contender> bare_nats(const std::string& url) {
  return std::make_unique<BareNats>(url);
}

}  // namespace bench::brokers
