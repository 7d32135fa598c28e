#include "brokers/kafka/producer.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

#include "brokers/kafka/asking.hpp"
#include "brokers/kafka/errors.hpp"
#include "brokers/kafka/topic_config.hpp"
#include "brokers/kafka/wire.hpp"

namespace tidings::brokers::kafka {

namespace {

// Before the 30 s of a publish that says nothing else: so it hears that nothing was written, where nothing was.
constexpr auto message_timeout_ms = "20000";
constexpr int poll_ms = 100;
constexpr std::size_t untold_max = 256;
// Memory that is kept for what is published next, at most.
constexpr std::uint64_t read_bytes_max = std::uint64_t{16} << 20;
constexpr std::size_t spare_max = 10'000;
constexpr std::size_t spare_bytes_max = 2'048;
constexpr std::uint64_t overhead_bytes = 512;  // about what librdkafka takes for a record

}  // namespace

ProducerClient::ProducerClient(std::shared_ptr<LogRelay> relay, std::uint64_t bytes_max)
    : relay_(std::move(relay)), bytes_max_(bytes_max) {}

Result<std::shared_ptr<ProducerClient>> ProducerClient::open(const Url& url, std::shared_ptr<LogRelay> relay) {
  auto conf = make_conf(url, {{"enable.idempotence", "true"},  // which sets acks=all, and keeps the order over retries
                              {"linger.ms", "0"},
                              {"message.timeout.ms", message_timeout_ms},
                              {"request.timeout.ms", "10000"},
                              {"retry.backoff.ms", "50"},
                              {"message.max.bytes", "1000000000"},  // our own check is the topic's
                              {"batch.size", std::to_string(batch_bytes_max)},
                              // Our own bound comes first.
                              {"queue.buffering.max.messages", "10000000"},
                              {"queue.buffering.max.kbytes", "2147483647"}});
  if (!conf) return conf.error();
  rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  auto made = std::make_shared<ProducerClient>(std::move(relay), url.buffer_bytes);
  auto client = make_client(RD_KAFKA_PRODUCER, std::move(*conf), *made->relay_, made.get());
  if (!client) return client.error();
  made->client_ = std::move(*client);
  made->queue_ = Queue(rd_kafka_queue_get_main(made->client_.get()));
  try {
    made->thread_ = std::jthread([raw = made.get()](const std::stop_token& stop) { raw->run(stop); });
  } catch (const std::system_error& none) {
    return Error{"no_thread", std::string("a producer needs a thread, and the system has none: ") + none.what(),
                 Retry::same_call};
  }
  return made;
}

ProducerClient::~ProducerClient() {
  stop();
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void ProducerClient::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  room_.notify_all();
  // What is in flight cannot be taken back: its report says that it may have been written.
  if (client_)
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

void ProducerClient::fail_for_tests() {
  rd_kafka_test_fatal_error(client_.get(), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test says so");
}

void ProducerClient::run(const std::stop_token& stop) {
  while (!stop.stop_requested())
    if (!poll()) end_idle();
  end_idle();
  while (rd_kafka_outq_len(client_.get()) > 0 && poll()) end_reports();
}

/// False: nothing came for a while.
bool ProducerClient::poll() {
  Event event(rd_kafka_queue_poll(queue_.get(), poll_ms));
  if (!event) return false;
  if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_ERROR) {
    erred(*event);
    return true;
  }
  std::vector<std::unique_ptr<InQueue>> records;
  records.reserve(rd_kafka_event_message_count(event.get()));
  while (const auto* const message = rd_kafka_event_message_next(event.get()))
    if (auto of = reported(*message)) records.push_back(std::move(of));
  tell_reported();
  if (!records.empty()) leave(std::move(event), std::move(records));
  return true;
}

/// For who publishes next. Nobody may, so not much is left.
void ProducerClient::leave(Event reports, std::vector<std::unique_ptr<InQueue>> records) {
  std::uint64_t bytes = 0;
  for (const auto& record : records) bytes += record->bytes;
  {
    const std::scoped_lock lock(read_mutex_);
    read_.reports.push_back(std::move(reports));
    std::ranges::move(records, std::back_inserter(read_.records));
    read_bytes_ += bytes;
  }
  if (read_bytes_ > std::min(read_bytes_max, bytes_max_ / 4)) end_reports();
}

void ProducerClient::end_reports() {
  if (read_bytes_ == 0) return;
  Read read;
  {
    const std::scoped_lock lock(read_mutex_);
    std::swap(read, read_);
    read_bytes_ = 0;
  }
  read.reports.clear();  // and only then nobody looks at the payloads any more
  const std::scoped_lock lock(send_mutex_);
  for (auto& record : read.records)
    if (spare_.size() < spare_max && record->payload.capacity() <= spare_bytes_max) spare_.push_back(std::move(record));
}

/// Nothing has come for a while: no memory is kept for more.
void ProducerClient::end_idle() {
  end_reports();
  std::vector<std::unique_ptr<InQueue>> spare;
  const std::scoped_lock lock(send_mutex_);
  spare.swap(spare_);
}

/// Under send_mutex_.
std::unique_ptr<InQueue> ProducerClient::record() {
  if (spare_.empty()) return std::make_unique<InQueue>();
  auto one = std::move(spare_.back());
  spare_.pop_back();
  return one;
}

void ProducerClient::tell_reported() {
  for (const auto& pending : reported_) pending->tell();
  reported_.clear();
  if (reported_bytes_ == 0) return;
  {
    const std::scoped_lock lock(mutex_);
    bytes_ -= std::exchange(reported_bytes_, 0);
  }
  room_.notify_all();
}

std::unique_ptr<InQueue> ProducerClient::reported(const rd_kafka_message_t& message) {
  std::unique_ptr<InQueue> of(static_cast<InQueue*>(message._private));
  if (!of) return nullptr;
  if (message.err == RD_KAFKA_RESP_ERR__FATAL) dead_ = true;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR || message.offset < 0) ++era_;
  const bool is_awaited =
      of->pending->report(of->index, message.err, rd_kafka_message_status(&message), message.offset);
  reported_bytes_ += of->bytes;
  if (is_awaited) reported_.push_back(std::move(of->pending));
  of->pending = nullptr;
  if (reported_.size() >= untold_max) tell_reported();
  return of;
}

void ProducerClient::erred(rd_kafka_event_t& event) {
  if (rd_kafka_event_error_is_fatal(&event) == 0) return;  // lost connections are logged, and made anew
  std::array<char, 256> why{};
  const auto original = rd_kafka_fatal_error(client_.get(), why.data(), why.size());
  dead_ = true;
  relay_->write(LogLevel::warning, std::string("kafka: the producer is given up, and another begun: ") +
                                       rd_kafka_err2name(original) + ": " +
                                       (why[0] != 0 ? why.data() : rd_kafka_event_error_string(&event)));
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

Result<> ProducerClient::reserve(std::uint64_t bytes, SteadyTime until) {
  std::unique_lock lock(mutex_);
  // What is larger than all of the room goes alone.
  const bool has_room =
      room_.wait_until(lock, until, [&] { return stopped_ || bytes_ == 0 || bytes_ + bytes <= bytes_max_; });
  if (stopped_) return closed();
  if (has_room) {
    bytes_ += bytes;
    return {};
  }
  const auto trouble = relay_->last_trouble();
  return Error{
      "backpressure",
      std::to_string(bytes_) +
          " bytes are on their way to the servers, and there was no room within wait_max; wait longer, or open the "
          "broker with a larger ?buffer=" +
          (trouble.empty() ? "" : " (last: " + trouble + ")"),
      Retry::same_call};
}

Result<std::shared_ptr<ProducedTopic>> ProducerClient::topic(const std::string& name, SteadyTime until) {
  {
    const std::scoped_lock lock(topics_mutex_);
    if (const auto known = topics_.find(name); known != topics_.end()) return known->second;
  }
  TopicHandle handle(rd_kafka_topic_new(client_.get(), name.c_str(), nullptr));
  if (!handle) return error_of(rd_kafka_last_error(), "publishing to topic " + name, *relay_);
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto wait = std::min<Duration>(until - std::chrono::steady_clock::now(), std::chrono::seconds{5});
  // Where it fails librdkafka finds out by itself, later.
  if (rd_kafka_metadata(client_.get(), 0, handle.get(), &metadata, ms_of(wait)) == RD_KAFKA_RESP_ERR_NO_ERROR)
    rd_kafka_metadata_destroy(metadata);
  const std::scoped_lock lock(topics_mutex_);
  auto& known = topics_[name];
  if (!known) known = std::make_shared<ProducedTopic>(std::move(handle));
  return known;
}

void ProducerClient::forget(const std::string& name) {
  const std::scoped_lock lock(topics_mutex_);
  topics_.erase(name);
}

/// Under send_mutex_.
void ProducerClient::send_one(ProducedTopic& topic, Partition partition, const EnvelopeView& event, std::size_t index,
                              const std::shared_ptr<Pending>& pending) {
  auto headers = to_headers(event);
  auto of = record();
  of->pending = pending;
  of->index = index;
  of->bytes = size_bytes(event) + overhead_bytes;
  of->payload = event.payload;
  const auto bytes = of->bytes;
  const auto code = rd_kafka_producev(client_.get(), RD_KAFKA_V_RKT(&topic.handle()),
                                      RD_KAFKA_V_PARTITION(static_cast<std::int32_t>(partition.value)),
                                      RD_KAFKA_V_KEY(event.key.empty() ? nullptr : event.key.data(), event.key.size()),
                                      RD_KAFKA_V_VALUE(of->payload.data(), of->payload.size()),
                                      RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_OPAQUE(of.get()), RD_KAFKA_V_END);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {  // both are librdkafka's now
    (void)headers.release();
    (void)of.release();
    return;
  }
  if (code == RD_KAFKA_RESP_ERR__FATAL) dead_ = true;
  refuse(bytes, 1, code, *pending);
}

void ProducerClient::refuse(std::uint64_t bytes, std::size_t count, rd_kafka_resp_err_t code, Pending& pending) {
  for (std::size_t index = 0; index < count; ++index) pending.refuse(code);
  {
    const std::scoped_lock lock(mutex_);
    bytes_ -= bytes;
  }
  room_.notify_all();
}

std::vector<const Routing::Part*> ProducerClient::strange(const ProducedTopic& topic, const Routing& routing,
                                                          std::uint64_t era) {
  std::vector<const Routing::Part*> parts;
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const auto& part : routing.parts)
    if (!topic.knows_producer(part.partition, era, now)) parts.push_back(&part);
  return parts;
}

/// The first events of the parts `begun` have gone.
void ProducerClient::send_all_but(std::span<const Routing::Part* const> begun, ProducedTopic& topic,
                                  const Routing& routing, std::uint64_t era, const EnvelopeView* first,
                                  const std::shared_ptr<Pending>& pending) {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const auto& part : routing.parts) {
    topic.prove(part.partition, era, now);
    const std::size_t sent = std::ranges::find(begun, &part) == begun.end() ? 0 : 1;
    for (const auto* const event : std::span(part.events).subspan(sent))
      send_one(topic, part.partition, *event, static_cast<std::size_t>(event - first), pending);
  }
}

void ProducerClient::send(ProducedTopic& topic, const Routing& routing, const EnvelopeView* first,
                          const std::shared_ptr<Pending>& pending, SteadyTime until) {
  end_reports();
  const std::uint64_t era = era_;  // what fails from here on voids what is shown below
  {
    const std::scoped_lock lock(send_mutex_);
    if (strange(topic, routing, era).empty()) return send_all_but({}, topic, routing, era, first, pending);
  }
  const auto refuse_all_but = [&](std::span<const Routing::Part* const> begun, rd_kafka_resp_err_t code) {
    std::uint64_t bytes = 0;
    std::size_t count = 0;
    for (const auto& part : routing.parts) {
      const std::size_t sent = std::ranges::find(begun, &part) == begun.end() ? 0 : 1;
      for (const auto* const event : std::span(part.events).subspan(sent)) {
        bytes += size_bytes(*event) + overhead_bytes;
        ++count;
      }
    }
    refuse(bytes, count, code, *pending);
  };
  const std::unique_lock proving(topic.proving, until);
  if (!proving) return refuse_all_but({}, RD_KAFKA_RESP_ERR__TIMED_OUT);
  std::vector<const Routing::Part*> begun;
  {
    const std::scoped_lock lock(send_mutex_);
    begun = strange(topic, routing, era);
    if (!begun.empty()) pending->expect(begun.size());
    for (const auto* const part : begun)
      send_one(topic, part->partition, *part->events.front(), static_cast<std::size_t>(part->events.front() - first),
               pending);
  }
  if (!begun.empty())
    if (const auto code = pending->wait_for_expected(until); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return refuse_all_but(begun, code);
  const std::scoped_lock lock(send_mutex_);
  send_all_but(begun, topic, routing, era, first, pending);
}

Result<std::shared_ptr<ProducerClient>> Producer::client() {
  std::shared_ptr<ProducerClient> old;  // ends outside of the lock
  const std::scoped_lock lock(mutex_);
  if (stopped_) return closed();
  if (client_ && !client_->is_dead()) return client_;
  old = std::move(client_);
  auto made = ProducerClient::open(url_, relay_);
  if (!made) return made.error();
  client_ = *made;
  return client_;
}

Result<Producer::Sent> Producer::begin(const std::string& topic, Routing routing, std::span<const EnvelopeView> events,
                                       SteadyTime until) {
  auto to = client();
  if (!to) return to.error();
  auto handle = (*to)->topic(topic, until);
  if (!handle) return handle.error();
  std::uint64_t bytes = 0;
  for (const auto& event : events) bytes += size_bytes(event) + overhead_bytes;
  if (auto reserved = (*to)->reserve(bytes, until); !reserved) return reserved.error();
  auto pending = std::make_shared<Pending>(std::move(routing.places));
  (*to)->send(**handle, routing, events.data(), pending, until);
  return Sent{std::move(pending), std::move(*to)};
}

void Producer::forget(const std::string& topic) {
  const std::scoped_lock lock(mutex_);
  if (client_) client_->forget(topic);
}

void Producer::stop() {
  std::shared_ptr<ProducerClient> last;
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    last = std::move(client_);
  }
  if (last) last->stop();
}

void Producer::fail_for_tests() {
  const std::scoped_lock lock(mutex_);
  if (client_) client_->fail_for_tests();
}

}  // namespace tidings::brokers::kafka
