#include "brokers/nats/sender.hpp"

#include <algorithm>
#include <charconv>

#include "brokers/nats/event_message.hpp"
#include "tidings/broker/in_flight.hpp"

namespace tidings::brokers::nats {

namespace {

constexpr std::size_t sent_max = 256;
constexpr std::size_t bytes_sent_max = std::size_t{8} << 20;
constexpr auto pause_after_refusal = std::chrono::milliseconds{100};
constexpr int message_too_large = 10054;

Error closed() {
  return {"closed", "this NATS broker is closed; open it again", Retry::reopen};
}

/// The numbers at the end of a reply subject, `….PARTITION.NUMBER`.
std::optional<std::pair<std::uint32_t, std::uint64_t>> numbers_of(std::string_view subject) {
  const auto last = subject.rfind('.');
  const auto before = last == subject.npos ? subject.npos : subject.rfind('.', last - 1);
  if (before == subject.npos) return std::nullopt;
  std::uint32_t partition = 0;
  std::uint64_t number = 0;
  if (std::from_chars(subject.data() + before + 1, subject.data() + last, partition).ec != std::errc{} ||
      std::from_chars(subject.data() + last + 1, subject.data() + subject.size(), number).ec != std::errc{})
    return std::nullopt;
  return std::pair(partition, number);
}

}  // namespace

std::shared_ptr<Sender> Sender::make(std::shared_ptr<Link> link, std::shared_ptr<Topic> topic) {
  std::shared_ptr<Sender> sender(new Sender(std::move(link), std::move(topic)));
  const std::weak_ptr<Sender> weak = sender;
  sender->link_->listen(
      sender->token_,
      [weak](const Message& message) {
        if (const auto self = weak.lock()) self->answered(message);
      },
      [weak] {
        if (const auto self = weak.lock()) self->all_answered();
      });
  sender->watch_ = sender->link_->watch([weak] {
    if (const auto self = weak.lock()) self->connection_changed();
  });
  return sender;
}

Sender::Sender(std::shared_ptr<Link> link, std::shared_ptr<Topic> topic)
    : link_(std::move(link)),
      topic_(std::move(topic)),
      token_(link_->new_token()),
      lanes_(topic_->partitions()),
      losses_(link_->losses()) {}

Sender::~Sender() {
  link_->unwatch(watch_);
  link_->forget(token_);
}

void Sender::close() {
  const std::scoped_lock lock(mutex_);
  is_closed_ = true;
  changed_.notify_all();
}

Result<std::shared_ptr<Sender::Call>> Sender::begin(std::span<const EnvelopeView> events,
                                                    const PublishOptions& options) {
  auto call = std::make_shared<Call>(deadline_after(steady_now(), options.wait_max));
  const bool keyless = std::ranges::any_of(events, [](const EnvelopeView& event) { return event.key.empty(); });
  auto routing =
      route(events, options, topic_->partitions(), topic_->event_bytes_max(), keyless ? topic_->next_turn() : 0);
  if (!routing) return routing.error();
  call->routing_ = std::move(*routing);
  call->open_ = events.size();
  // All is checked before anything is sent.
  std::vector<HeaderList> headers;
  const auto payload_max = link_->payload_max();
  for (std::size_t index = 0; index < events.size(); ++index) {
    const auto& event = events[index];
    const auto bytes_max = accepted_bytes_max(topic_->name(), event, payload_max);
    headers.push_back(event_headers(event, index < options.apart.size() ? options.apart[index] : std::string_view{}));
    if (const auto bytes = message_bytes(headers.back(), event.payload.size()); bytes > bytes_max)
      return too_large(topic_->name(), bytes, bytes_max);
  }
  // Made without the lock that those who hear answers take, too.
  const std::scoped_lock begin_lock(begin_mutex_);
  std::vector<std::pair<std::uint32_t, Item>> items;
  for (std::size_t index = 0; index < events.size(); ++index) {
    const auto partition = call->routing_.places[index].partition.value;
    const auto reply = link_->reply_to(token_) + "." + std::to_string(partition) + "." + std::to_string(numbers_);
    auto message = make_message(topic_->subject(partition), reply, events[index].payload, headers[index]);
    if (!message) return Error{"no_memory", "no memory for a message", Retry::same_call};
    items.emplace_back(partition, Item{.message = std::move(message),
                                       .id = std::move(headers[index].front().second),
                                       .call = call,
                                       .index = index,
                                       .number = numbers_++,
                                       .bytes = message_bytes(headers[index], events[index].payload.size())});
  }
  const std::scoped_lock lock(mutex_);
  if (is_closed_) return closed();
  for (auto& [partition, item] : items) lanes_[partition].items.push_back(std::move(item));
  const auto now = steady_now();
  for (const auto& part : call->routing_.parts) pump(part.partition.value, now);
  call->routing_.parts.clear();  // they point at the events, which are the caller's
  return call;
}

Result<std::vector<Published>> Sender::finish(const std::shared_ptr<Call>& call) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (call->error_) return *call->error_;
    if (call->open_ == 0) return std::move(call->routing_.places);
    const auto now = steady_now();
    if (is_closed_) end(call, closed());
    if (!call->error_ && now >= call->until_) end(call, late(*call));
    if (call->error_) continue;
    tick(now);
    if (call->open_ > 0 && !call->error_) changed_.wait_until(lock, std::min(call->until_, next_due()));
  }
}

/// Sends what may be sent to a partition.
void Sender::pump(std::uint32_t partition, SteadyTime now) {
  auto& lane = lanes_[partition];
  if (lane.is_halted && lane.sent > 0) return;
  if (lane.is_halted) {
    std::erase_if(lane.items, [](const Item& item) { return item.call == nullptr; });
    lane.is_halted = false;
  }
  if (now < lane.not_before || !link_->is_connected()) return;
  const auto bytes_max = link_->payload_max();
  while (lane.sent < lane.items.size() && !lane.is_halted) {
    auto& item = lane.items[lane.sent];
    if (item.bytes > bytes_max) {  // the server that is there now takes less
      end(item.call, too_large(topic_->name(), item.bytes, bytes_max));
      continue;
    }
    if (lane.sent > 0) {
      const auto& before = lane.items[lane.sent - 1];
      if (lane.sent >= sent_max || lane.bytes_sent + item.bytes > bytes_sent_max) return;
      if (item.bytes + expectation_bytes(before.id) > bytes_max) return;  // it goes alone
      expect_last(*item.message, before.id);
    } else {
      expect_last(*item.message, {});
    }
    const auto sent = link_->send(*item.message);
    if (sent == Link::Sent::not_connected) {
      lane.not_before = now + pause_after_refusal;
      return;
    }
    item.is_sent = true;
    item.answer_until = now + answer_within;
    ++lane.sent;
    lane.bytes_sent += item.bytes;
  }
}

/// The server's word on an event.
void Sender::answered(const Message& message) {
  const auto numbers = numbers_of(natsMsg_GetSubject(message.get()));
  if (!numbers || numbers->first >= lanes_.size()) return;
  const auto where = status_of(*message) != 0 ? Result<Stored>(Error{"no_responders", "no stream takes the events now"})
                                              : read_acknowledgement(payload_of(*message));
  Item done;  // it goes without the lock
  const std::scoped_lock lock(mutex_);
  auto& lane = lanes_[numbers->first];
  const auto found = std::ranges::lower_bound(lane.items, numbers->second, {}, &Item::number);
  if (found == lane.items.end() || found->number != numbers->second) return;
  if (where) {
    if (found->is_sent) no_longer_sent(lane, *found);
    if (found->call != nullptr) {
      auto& call = *found->call;
      auto& place = call.routing_.places[found->index];
      place.offset = Offset{where->sequence - 1};
      place.is_duplicate = where->is_duplicate;
      call.may_be_written_ = true;
      --call.open_;
    }
    done = std::move(*found);
    lane.items.erase(found);
  } else if (found->is_sent) {
    refused(lane, *found, where.error());
  }
}

/// Of those that have come, that is: there is room, and somebody may be done.
void Sender::all_answered() {
  {
    const std::scoped_lock lock(mutex_);
    const auto now = steady_now();
    for (std::uint32_t partition = 0; partition < lanes_.size(); ++partition)
      if (lanes_[partition].sent < lanes_[partition].items.size()) pump(partition, now);
  }
  changed_.notify_all();
}

/// When the first answer is late. They were sent in the order in which they stand.
std::optional<SteadyTime> Sender::Lane::answers_due() const {
  if (sent == 0) return std::nullopt;
  const auto first = std::ranges::find(items, true, &Item::is_sent);
  return first == items.end() ? std::nullopt : std::optional(first->answer_until);
}

void Sender::no_longer_sent(Lane& lane, Item& item) {
  item.is_sent = false;
  --lane.sent;
  lane.bytes_sent -= item.bytes;
}

void Sender::refused(Lane& lane, Item& item, Error error) {
  no_longer_sent(lane, item);
  lane.is_halted = true;
  if (is_jetstream(error, wrong_last_message_id)) return;  // for what stands before it, or another's event
  lane.not_before = steady_now() + pause_after_refusal;
  if (item.call == nullptr) return;
  if (is_jetstream(error, message_too_large))
    end(item.call, Error{"too_large", "topic " + topic_->name() + ": " + error.message});
  else
    item.call->trouble_ = std::move(error);
}

/// Nobody knows what became of what was sent.
void Sender::give_up_answers(Lane& lane) {
  if (lane.sent == 0) return;
  for (auto& item : lane.items) {
    if (!item.is_sent) continue;
    item.is_sent = false;
    if (item.call != nullptr) item.call->may_be_written_ = true;
  }
  lane.sent = 0;
  lane.bytes_sent = 0;
  lane.is_halted = true;
}

void Sender::tick(SteadyTime now) {
  for (std::uint32_t partition = 0; partition < lanes_.size(); ++partition) {
    auto& lane = lanes_[partition];
    if (const auto due = lane.answers_due(); due && *due <= now) give_up_answers(lane);
    if (!lane.items.empty()) pump(partition, now);
  }
}

void Sender::connection_changed() {
  const std::scoped_lock lock(mutex_);
  if (const auto losses = link_->losses(); losses != losses_) {
    losses_ = losses;
    for (auto& lane : lanes_) give_up_answers(lane);
  }
  const auto now = steady_now();
  for (std::uint32_t partition = 0; partition < lanes_.size(); ++partition) pump(partition, now);
  changed_.notify_all();
}

/// Ends a call: what is not sent of it never is.
void Sender::end(std::shared_ptr<Call> call, Error error) {
  for (auto& lane : lanes_) {
    for (auto& item : lane.items) {
      if (item.call != call || !item.is_sent) continue;
      call->may_be_written_ = true;
      item.call = nullptr;
    }
    std::erase_if(lane.items, [&](const Item& item) { return item.call == call; });
  }
  if (call->may_be_written_ && error.code != "closed")
    error = {"outcome_unknown",
             "topic " + topic_->name() + ": some or all of the events may have been written (" + error.code + ": " +
                 error.message + "); publish them again under the same ids",
             Retry::same_call};
  call->error_ = std::move(error);
  changed_.notify_all();
}

Error Sender::late(const Call& call) const {
  if (call.trouble_) {
    constexpr int insufficient_resources = 10023;
    constexpr int storage_exceeded = 10047;
    constexpr int store_failed = 10077;
    const bool is_full = is_jetstream(*call.trouble_, insufficient_resources) ||
                         is_jetstream(*call.trouble_, storage_exceeded) || is_jetstream(*call.trouble_, store_failed);
    return {is_full ? "disk_full" : "busy",
            "topic " + topic_->name() + ": " + call.trouble_->message + "; nothing was written, publish again",
            Retry::same_call};
  }
  if (call.may_be_written_ || link_->is_connected())
    return {"backpressure", "the NATS server has not answered within wait_max", Retry::same_call};
  return {"backpressure",
          link_->shown() + ": there was no connection within wait_max; nothing was written, publish again",
          Retry::same_call};
}

SteadyTime Sender::next_due() const {
  constexpr auto look = std::chrono::milliseconds{20};
  auto due = SteadyTime::max();
  const auto now = steady_now();
  for (const auto& lane : lanes_) {
    due = std::min(due, lane.answers_due().value_or(SteadyTime::max()));
    if (lane.sent == 0 && !lane.items.empty()) due = std::min(due, std::max(lane.not_before, now + look));
  }
  return due;
}

}  // namespace tidings::brokers::nats
