#include "brokers/nats/feed.hpp"

#include <algorithm>

#include "tidings/event/json_codec.hpp"

namespace tidings::brokers::nats {

/// What goes over the wire. Not in an unnamed namespace, where clang does not reflect them.
namespace feed_json {

struct CreateConsumer {
  std::string stream_name;
  ConsumerConfig config;
};
struct Pull {
  std::size_t batch = 0;
  std::size_t max_bytes = 0;
  std::int64_t expires = 0;
};
struct Refusal {
  int err_code = 0;
};
struct Created {
  std::optional<Refusal> error;
};
struct Info {
  std::string created;
  StreamState state;
  std::optional<Refusal> error;
};

}  // namespace feed_json

namespace {

using feed_json::CreateConsumer;
using feed_json::Created;
using feed_json::Info;
using feed_json::Pull;

using namespace std::chrono_literals;

constexpr std::size_t ahead_max = 1'024;
// More is asked for once there is room for so many. What is asked for at once comes in front of the answer to whoever
// settles next, so it is to be no more than what a fetch takes as a rule, and to be asked for after each of them.
constexpr std::size_t room_min = 384;
constexpr std::size_t bytes_ahead_max = std::size_t{8} << 20;
constexpr auto pull_for = 10s;
constexpr std::string_view info_tail = ".info";  // of what an answer comes to
constexpr std::string_view made_tail = ".made";
constexpr auto pause_after_trouble = 100ms;
constexpr auto forgotten_after = 30s;

template <class T>
std::string to_json(const T& value) {
  std::string json;
  if (auto written = JsonCodec::encode(value, json); !written) json.clear();
  return json;
}

}  // namespace

void Feed::start(std::uint64_t next, std::optional<std::string> created, SteadyTime now) {
  stop();
  events_.clear();
  next_ = next;
  created_ = std::move(created);
  if (created_ && !created_->empty())
    create(now);
  else
    look(now);
}

void Feed::stop() {
  if (state_ == State::stopped) return;
  state_ = State::stopped;
  api_.link().forget(consumer_);
  api_.delete_consumer(stream_, consumer_);
  events_.clear();
}

void Feed::listen_anew() {
  auto& link = api_.link();
  if (!consumer_.empty()) {
    link.forget(consumer_);
    if (state_ == State::ready) api_.delete_consumer(stream_, consumer_);
  }
  consumer_ = link.new_token();
  consumer_sequence_ = 0;
  wanted_ = 0;
  losses_ = link.losses();
  link.listen(consumer_, deliver_, pause_);
}

void Feed::ask(const std::string& subject, std::string_view tail, const std::string& request, SteadyTime now) {
  auto& link = api_.link();
  const auto message = make_message(subject, link.reply_to(consumer_) + std::string(tail), request);
  const auto sent = message ? link.send(*message) : Link::Sent::not_connected;
  if (sent == Link::Sent::not_connected) return break_off(now, pause_after_trouble);
  state_ = State::asked;
  due_ = now + answer_within;
}

/// Asks whether the stream is still the same, and for a consumer then; `come` gets the answer.
void Feed::look(SteadyTime now) {
  listen_anew();
  ask("$JS.API.STREAM.INFO." + stream_, info_tail, {}, now);
}

void Feed::come_info(const Message& message, SteadyTime now) {
  const auto info = JsonCodec::decode<Info>(payload_of(*message));
  if (status_of(*message) != 0 || !info || info->error) return break_off(now, pause_after_trouble);
  if (!created_) created_ = info->created;
  if (*created_ == info->created) return create(now);
  state_ = State::another;
  earliest_ = info->state.earliest();
  created_ = info->created;
  events_.clear();
}

/// Asks for a consumer; `come` gets the answer.
void Feed::create(SteadyTime now) {
  listen_anew();
  CreateConsumer request{.stream_name = stream_};
  request.config.name = consumer_;
  request.config.deliver_policy = "by_start_sequence";
  request.config.opt_start_seq = next_ + 1;
  request.config.inactive_threshold = Duration{forgotten_after}.count();
  ask("$JS.API.CONSUMER.CREATE." + stream_ + "." + consumer_, made_tail, to_json(request), now);
}

void Feed::break_off(SteadyTime now, Duration pause) {
  state_ = State::broken;
  due_ = now + pause;
}

void Feed::pull(SteadyTime now) {
  if (state_ != State::ready || wanted_ > 0 || events_.size() > ahead_max - room_min) return;
  auto& link = api_.link();
  const Pull request{.batch = ahead_max - events_.size(),
                     .max_bytes = std::max(bytes_ahead_max, 2 * link.payload_max()),
                     .expires = Duration{pull_for}.count()};
  const auto message = make_message("$JS.API.CONSUMER.MSG.NEXT." + stream_ + "." + consumer_, link.reply_to(consumer_),
                                    to_json(request));
  const auto sent = message ? link.send(*message) : Link::Sent::not_connected;
  if (sent == Link::Sent::not_connected) return break_off(now, pause_after_trouble);
  wanted_ = request.batch;
  due_ = now + pull_for + answer_within;
}

Feed::Incoming Feed::read(Message message) {
  if (const auto at = delivered_at(*message)) return {read_event(std::move(message), *at), nullptr};
  return {nullptr, std::move(message)};
}

bool Feed::come(Incoming incoming, SteadyTime now) {
  if (state_ == State::stopped || state_ == State::broken || state_ == State::another) return false;
  const auto& message = incoming.event ? incoming.event->message : incoming.other;
  const std::string_view subject = natsMsg_GetSubject(message.get());
  const bool is_answer = subject.starts_with(api_.link().reply_to(consumer_));
  if (is_answer && subject.ends_with(info_tail)) {
    come_info(message, now);
    return false;
  }
  if (is_answer && subject.ends_with(made_tail)) {
    const auto made = JsonCodec::decode<Created>(payload_of(*message));
    if (status_of(*message) != 0 || !made || made->error) {
      break_off(now, pause_after_trouble);
      return false;
    }
    state_ = State::ready;
    pull(now);
    return false;
  }
  if (incoming.event) {
    const auto& at = incoming.event->at;
    // What a consumer before this one was given may come late.
    if (std::string_view(natsMsg_GetReply(message.get())).find("." + consumer_ + ".") == std::string_view::npos)
      return false;
    if (at.consumer_sequence != consumer_sequence_ + 1 || at.sequence <= next_) {
      break_off(now, Duration::zero());  // something was lost on the way
      look(now);
      return false;
    }
    consumer_sequence_ = at.consumer_sequence;
    next_ = at.sequence;
    events_.push_back(std::move(incoming.event));
    if (wanted_ > 0) --wanted_;
    pull(now);
    return true;
  }
  if (!is_answer) return false;
  constexpr int heartbeat = 100;
  constexpr int no_responders = 503;
  const auto status = status_of(*message);
  if (status == heartbeat) return false;
  wanted_ = 0;  // the pull has ended: its time is over, or its bytes are
  if (status == no_responders || header_of(*message, "Description").find("Consumer Deleted") != std::string_view::npos)
    break_off(now, pause_after_trouble);
  else
    pull(now);
  return false;
}

void Feed::tick(SteadyTime now) {
  if (state_ == State::stopped || state_ == State::another) return;
  const bool lost = state_ != State::broken && losses_ != api_.link().losses();
  if (lost || now >= due_) {
    if (state_ == State::ready && !lost && wanted_ == 0)
      due_ = now + pull_for;  // there was no room, or nothing to ask for
    else if (api_.link().is_connected())
      look(now);
    else
      break_off(now, pause_after_trouble);
  }
  pull(now);
}

}  // namespace tidings::brokers::nats
