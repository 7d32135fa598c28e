#include "brokers/nats/link.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <system_error>

#include "brokers/nats/names.hpp"

namespace tidings::brokers::nats {

namespace {

/// Of a message that a consumer delivers: the consumer's name, from the subject of its acknowledgement,
/// `$JS.ACK.STREAM.CONSUMER.…`, or `$JS.ACK.DOMAIN.ACCOUNT.STREAM.CONSUMER.…` of later servers.
std::string_view consumer_of(std::string_view reply) {
  constexpr std::string_view head = "$JS.ACK.";
  if (!reply.starts_with(head)) return {};
  reply.remove_prefix(head.size());
  constexpr int dots_short = 6;
  int dots = 0;
  for (const char c : reply) dots += c == '.' ? 1 : 0;
  for (int skip = dots > dots_short ? 3 : 1; skip > 0; --skip) reply.remove_prefix(reply.find('.') + 1);
  return reply.substr(0, reply.find('.'));
}

}  // namespace

Message make_message(const std::string& subject, const std::string& reply, std::string_view payload,
                     const HeaderList& headers) {
  natsMsg* made = nullptr;
  if (natsMsg_Create(&made, subject.c_str(), reply.empty() ? nullptr : reply.c_str(), payload.data(),
                     static_cast<int>(payload.size())) != NATS_OK)
    return nullptr;
  Message message(made);
  for (const auto& [name, value] : headers)
    if (natsMsgHeader_Set(made, name.c_str(), value.c_str()) != NATS_OK) return nullptr;
  return message;
}

std::string_view payload_of(const natsMsg& message) {
  const auto size = natsMsg_GetDataLength(&message);
  return size <= 0 ? std::string_view{} : std::string_view{natsMsg_GetData(&message), static_cast<std::size_t>(size)};
}

std::string_view header_of(natsMsg& message, const char* name) {
  const char* value = nullptr;
  return natsMsgHeader_Get(&message, name, &value) == NATS_OK && value != nullptr ? std::string_view{value}
                                                                                  : std::string_view{};
}

int status_of(natsMsg& message) {
  if (natsMsg_GetDataLength(&message) != 0) return 0;
  const auto text = header_of(message, "Status");
  if (text.size() != 3) return 0;
  int status = 0;
  for (const char c : text) status = status * 10 + (c - '0');
  return status;
}

Result<Message> Answer::wait(SteadyTime until) {
  std::unique_lock lock(mutex_);
  if (!come_.wait_until(lock, until, [&] { return message_ || is_lost_; }))
    return Error{"timeout", "the NATS server has not answered in time", Retry::same_call};
  if (!message_) return Error{"disconnected", "the connection went before the NATS server answered", Retry::same_call};
  constexpr int no_responders = 503;
  if (status_of(*message_) == no_responders)
    return Error{"no_responders", "nobody at the NATS server answers; is JetStream enabled there?", Retry::same_call};
  return std::move(message_);
}

void Answer::come(Message message) {
  const std::scoped_lock lock(mutex_);
  message_ = std::move(message);
  come_.notify_all();
}

void Answer::fail() {
  const std::scoped_lock lock(mutex_);
  is_lost_ = true;
  come_.notify_all();
}

Result<std::shared_ptr<Link>> Link::open(const Url& url, LogSink& log, Sending sending) {
  std::shared_ptr<Link> link(new Link(url, log, sending));
  natsInbox* inbox = nullptr;
  if (natsInbox_Create(&inbox) != NATS_OK) return Error{"no_memory", "no memory for an inbox", Retry::same_call};
  link->inbox_ = inbox;
  natsInbox_Destroy(inbox);
  if (auto connected = link->connect_anew(); !connected) return connected.error();
  return link;
}

Link::~Link() {
  close();
}

std::shared_ptr<Link::Session> Link::session() const {
  const std::scoped_lock lock(session_mutex_);
  return session_;
}

Result<> Link::connect_anew() {
  const auto weak = weak_from_this();
  auto connection = connect(url_, log_, sending_,
                            {.changed =
                                 [weak](bool connected) {
                                   if (const auto self = weak.lock()) self->connection_changed(connected);
                                 },
                             .closed =
                                 [weak](const std::string& why) {
                                   if (const auto self = weak.lock()) self->given_up(why);
                                 }});
  if (!connection) return connection.error();
  auto made = std::make_shared<Session>(std::move(*connection));
  for (const auto& subject : {inbox_ + ".>", std::string(change_subjects)})
    if (auto subscribed = subscribe(*made, subject); !subscribed) return subscribed;
  const std::scoped_lock lock(session_mutex_);
  session_.swap(made);
  return {};
}

void Link::Session::close() {
  // The thread that reads ends with this. Before it has, a subscription must not go: libnats 3.4 hands it messages
  // without holding on to it.
  if (connection) natsConnection_Close(connection.get());
  subscriptions.clear();
}

/// Libnats has closed the connection, and we have not.
void Link::given_up(const std::string& why) {
  const std::scoped_lock lock(reopening_mutex_);
  if (is_closed_) return;
  log_.write(LogLevel::error,
             shown_ + ": the connection is given up (" + why + "); another one is tried until the server takes it");
  must_reopen_ = true;
  reopening_.notify_all();
  if (reopener_.joinable()) return;
  try {
    reopener_ = std::thread([this] { reopen(); });
  } catch (const std::system_error& none) {
    log_.write(LogLevel::error, shown_ + ": there is no thread to connect anew; open the broker again: " + none.what());
  }
}

void Link::reopen() {
  constexpr auto tell_again_after = std::chrono::seconds{60};
  std::unique_lock lock(reopening_mutex_);
  while (true) {
    reopening_.wait(lock, [&] { return is_closed_ || must_reopen_; });
    must_reopen_ = false;
    std::string told;
    SteadyTime told_at{};
    for (int attempts = 0;; ++attempts) {
      if (reopening_.wait_for(lock, reconnect_pause(attempts), [&] { return is_closed_.load(); })) return;
      lock.unlock();
      const auto connected = connect_anew();
      lock.lock();
      if (connected) break;
      const SteadyTime now = std::chrono::steady_clock::now();
      if (connected.error().code == told && now - told_at < tell_again_after) continue;
      told = connected.error().code;
      told_at = now;
      log_.write(LogLevel::error, "nats: cannot connect anew: " + to_string(connected.error()));
    }
    lock.unlock();
    connection_changed(true);
    lock.lock();
  }
}

Result<> Link::subscribe(Session& session, const std::string& subject) {
  auto* closure = new Incoming{weak_from_this(), {}, 0};
  natsSubscription* made = nullptr;
  if (const auto status =
          natsConnection_Subscribe(&made, session.connection.get(), subject.c_str(), on_message, closure);
      status != NATS_OK) {
    delete closure;
    return Error{"unreachable", shown_ + ": cannot subscribe: " + natsStatus_GetText(status), Retry::same_call};
  }
  session.subscriptions.emplace_back(made);
  natsSubscription_SetOnCompleteCB(made, [](void* done) { delete static_cast<Incoming*>(done); }, closure);
  // What is on its way is bounded by what was asked for; nothing may be dropped.
  natsSubscription_SetPendingLimits(made, -1, -1);
  return {};
}

void Link::close() {
  if (is_closed_.exchange(true)) return;
  {
    const std::scoped_lock lock(reopening_mutex_);
    reopening_.notify_all();
  }
  if (reopener_.joinable()) reopener_.join();
  if (const auto last = session()) last->close();
  connection_changed(false);
}

bool Link::is_connected() const {
  const auto now = session();
  return !is_closed_ && now && natsConnection_Status(now->connection.get()) == NATS_CONN_STATUS_CONNECTED;
}

bool Link::wait_connected(SteadyTime until) {
  std::unique_lock lock(mutex_);
  while (!is_connected()) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now >= until || is_closed_) return false;
    // Told of it by `connection_changed`; looked at again in case that came a moment too soon.
    changed_.wait_until(lock, std::min(until, now + std::chrono::milliseconds{50}));
  }
  return true;
}

std::size_t Link::payload_max() const {
  const auto bytes = natsConnection_GetMaxPayload(session()->connection.get());
  return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

Link::Sent Link::send(natsMsg& message) {
  if (is_closed_) return Sent::not_connected;
  switch (natsConnection_PublishMsg(session()->connection.get(), &message)) {
    case NATS_OK:
      return Sent::yes;
    case NATS_INSUFFICIENT_BUFFER:  // there is no connection, and nothing is kept for the next one
    case NATS_CONNECTION_CLOSED:
    case NATS_DRAINING:
    case NATS_MAX_PAYLOAD:
      return Sent::not_connected;
    default:
      return Sent::unknown;
  }
}

Link::Sent Link::send(const std::string& subject, std::string_view payload) {
  const auto message = make_message(subject, {}, payload);
  return message ? send(*message) : Sent::not_connected;
}

Result<std::shared_ptr<Answer>> Link::ask(const std::string& subject, std::string_view payload,
                                          const HeaderList& headers) {
  const auto token = new_token();
  const auto message = make_message(subject, reply_to(token), payload, headers);
  if (!message) return Error{"no_memory", "no memory for a message", Retry::same_call};
  // The question goes with who holds it, and its entry with the answer, or with that.
  std::shared_ptr<Answer> answer(new Answer, [weak = weak_from_this(), token](Answer* done) {
    if (const auto self = weak.lock()) self->forget(token);
    delete done;
  });
  {
    const std::scoped_lock lock(mutex_);
    entries_[token] = {nullptr, nullptr, answer};
  }
  if (send(*message) == Sent::not_connected)
    return Error{"not_connected", shown_ + ": there is no connection to the NATS server now", Retry::same_call};
  return answer;
}

std::string Link::new_token() {
  return inbox_.substr(inbox_.rfind('.') + 1) + "-" + std::to_string(tokens_++);
}

void Link::listen(const std::string& token, Handler handler, Pause pause) {
  const std::scoped_lock lock(mutex_);
  entries_[token] = {
      std::make_shared<Handler>(std::move(handler)), pause ? std::make_shared<Pause>(std::move(pause)) : nullptr, {}};
}

void Link::forget(const std::string& token) {
  const std::scoped_lock lock(mutex_);
  entries_.erase(token);
}

void Link::listen_to_changes(Handler handler) {
  const std::scoped_lock lock(mutex_);
  on_change_ = handler ? std::make_shared<Handler>(std::move(handler)) : nullptr;
}

void Link::on_message(natsConnection*, natsSubscription* subscription, natsMsg* message, void* closure) {
  Message owned(message);
  auto& incoming = *static_cast<Incoming*>(closure);
  if (const auto self = incoming.link.lock()) self->dispatch(std::move(owned), incoming);
  if (incoming.pauses.empty()) return;
  constexpr std::size_t without_pause_max = 64;
  int waiting = 0;
  if (++incoming.since_pause < without_pause_max &&
      natsSubscription_GetPending(subscription, &waiting, nullptr) == NATS_OK && waiting > 0)
    return;
  incoming.since_pause = 0;
  for (const auto& pause : std::exchange(incoming.pauses, {})) (*pause)();
}

void Link::dispatch(Message message, Incoming& incoming) {
  const std::string_view subject = natsMsg_GetSubject(message.get());
  const char* reply = natsMsg_GetReply(message.get());
  auto token = reply != nullptr ? consumer_of(reply) : std::string_view{};
  if (token.empty() && subject.starts_with(inbox_) && subject.size() > inbox_.size())
    token = subject.substr(inbox_.size() + 1, subject.find('.', inbox_.size() + 1) - inbox_.size() - 1);
  std::shared_ptr<Handler> handler;
  std::shared_ptr<Answer> answer;
  {
    const std::scoped_lock lock(mutex_);
    if (token.empty()) {
      handler = on_change_;
    } else if (const auto found = entries_.find(token); found != entries_.end()) {
      handler = found->second.handler;
      answer = found->second.answer.lock();
      if (const auto& pause = found->second.pause;
          pause && std::ranges::find(incoming.pauses, pause) == incoming.pauses.end())
        incoming.pauses.push_back(pause);
    }
  }
  if (answer) answer->come(std::move(message));
  if (handler) (*handler)(std::move(message));
}

bool Link::is_known(std::string_view stream) {
  const std::scoped_lock lock(mutex_);
  return streams_.contains(stream);
}
void Link::know(const std::string& stream) {
  const std::scoped_lock lock(mutex_);
  streams_.insert(stream);
}
void Link::forget_stream(std::string_view stream) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = streams_.find(stream); found != streams_.end()) streams_.erase(found);
}

std::uint64_t Link::watch(std::function<void()> changed) {
  const std::scoped_lock lock(mutex_);
  watchers_[watchers_made_] = std::make_shared<std::function<void()>>(std::move(changed));
  return watchers_made_++;
}

void Link::unwatch(std::uint64_t number) {
  const std::scoped_lock lock(mutex_);
  watchers_.erase(number);
}

void Link::connection_changed(bool connected) {
  std::vector<std::shared_ptr<Answer>> lost;
  std::vector<std::shared_ptr<std::function<void()>>> watchers;
  if (!connected) ++losses_;
  if (!is_closed_ && connected) log_.write(LogLevel::info, shown_ + ": connected again");
  if (!is_closed_ && !connected)
    log_.write(LogLevel::warning, shown_ + ": the connection is lost; it is tried again until it comes back");
  {
    const std::scoped_lock lock(mutex_);
    if (!connected)
      for (auto& [token, entry] : entries_)
        if (auto answer = entry.answer.lock()) lost.push_back(std::move(answer));
    for (const auto& [number, watcher] : watchers_) watchers.push_back(watcher);
    changed_.notify_all();
  }
  for (const auto& answer : lost) answer->fail();
  for (const auto& watcher : watchers) (*watcher)();
}

}  // namespace tidings::brokers::nats
