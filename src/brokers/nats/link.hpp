#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "brokers/nats/connecting.hpp"
#include "brokers/nats/handles.hpp"
#include "brokers/nats/url.hpp"
#include "tidings/base/log_sink.hpp"

namespace tidings::brokers::nats {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// A message to be sent. Null where there is no memory, or a text holds what the protocol does not take.
[[nodiscard]] Message make_message(const std::string& subject, const std::string& reply, std::string_view payload,
                                   const HeaderList& headers = {});
[[nodiscard]] std::string_view payload_of(const natsMsg& message);
/// A header's value, or empty. Not from two threads at once: libnats reads headers when they are asked for.
[[nodiscard]] std::string_view header_of(natsMsg& message, const char* name);
/// What the server says in place of a message: 503 where nobody answers, 404, 408, 409; 0 where it is a message.
[[nodiscard]] int status_of(natsMsg& message);

/// What is to come back for a question.
class Answer {
 public:
  /// Errors, all worth another try: `timeout`, `disconnected`, `no_responders`. Nobody knows then whether what was
  /// asked for was done, but for the last: it was not.
  Result<Message> wait(SteadyTime until);

 private:
  friend class Link;
  void come(Message message);
  void fail();

  std::mutex mutex_;
  std::condition_variable come_;
  Message message_;
  bool is_lost_ = false;
};

/// The connection of one broker's handle: it comes back by itself, for ever. Where libnats gives it up for good, as it
/// does when the server has refused its user twice, another one takes its place. Thread-safe. What comes in is handed
/// out on one thread of libnats, which must not be held up.
class Link : public std::enable_shared_from_this<Link> {
 public:
  using Handler = std::function<void(Message)>;
  /// Called behind the last of the messages that wait on that thread, or behind some dozens: so who waits for them is
  /// woken once for all.
  using Pause = std::function<void()>;

  /// Errors: `unreachable` (same call), `permission_denied`, `tls_failed`, `io_error` (never).
  static Result<std::shared_ptr<Link>> open(const Url& url, LogSink& log, Sending sending = Sending::at_once);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  [[nodiscard]] const std::string& shown() const { return shown_; }
  [[nodiscard]] LogSink& log() const { return log_; }
  [[nodiscard]] bool is_connected() const;
  /// Until it is, or `until`. False: it is not.
  bool wait_connected(SteadyTime until);
  /// Counts up whenever the connection goes.
  [[nodiscard]] std::uint64_t losses() const { return losses_; }
  /// What the server takes at most in one message.
  [[nodiscard]] std::size_t payload_max() const;

  enum class Sent { yes, not_connected, unknown };
  /// Hands it to the system, at once or soon. `unknown`: some of it may have gone.
  Sent send(natsMsg& message);
  Sent send(const std::string& subject, std::string_view payload);

  /// Asks, with a reply subject of its own. Error `not_connected` (same call): nothing was sent.
  Result<std::shared_ptr<Answer>> ask(const std::string& subject, std::string_view payload,
                                      const HeaderList& headers = {});

  /// A name that nobody else has, without dots.
  [[nodiscard]] std::string new_token();
  /// What is sent there, or below it (`.MORE`), comes to the handler of that token; so does what a JetStream consumer
  /// of that name delivers.
  [[nodiscard]] std::string reply_to(const std::string& token) const { return inbox_ + "." + token; }
  void listen(const std::string& token, Handler handler, Pause pause = {});
  /// Its handler may run a last time while this returns.
  void forget(const std::string& token);
  /// Those of everybody else, by subject: `change_subjects`.
  void listen_to_changes(Handler handler);

  /// Streams that the server was seen to have whole: see `Api::is_made`.
  [[nodiscard]] bool is_known(std::string_view stream);
  void know(const std::string& stream);
  void forget_stream(std::string_view stream);

  /// Called when the connection goes, and when it comes back. Returns what `unwatch` takes.
  std::uint64_t watch(std::function<void()> changed);
  void unwatch(std::uint64_t number);

  /// Ends the connection; nothing is called any more soon after it. Waits for a try to connect anew, some seconds.
  void close();

 private:
  struct Entry {
    std::shared_ptr<Handler> handler;
    std::shared_ptr<Pause> pause;
    std::weak_ptr<Answer> answer;
  };
  /// What a subscription's thread has at hand.
  struct Incoming {
    std::weak_ptr<Link> link;  // the thread may run a little longer than it
    std::vector<std::shared_ptr<Pause>> pauses;
    std::size_t since_pause = 0;
  };

  /// A connection of libnats, with what is subscribed to over it.
  struct Session {
    Connection connection;
    std::vector<Subscription> subscriptions;

    ~Session() { close(); }
    void close();
  };

  Link(Url url, LogSink& log, Sending sending)
      : url_(std::move(url)),
        sending_(sending),
        shown_(url_.shown + (sending == Sending::together ? " (publishers)" : "")),
        log_(log) {}
  [[nodiscard]] std::shared_ptr<Session> session() const;
  Result<> connect_anew();
  Result<> subscribe(Session& session, const std::string& subject);
  void given_up(const std::string& why);
  void reopen();
  static void on_message(natsConnection* connection, natsSubscription* subscription, natsMsg* message, void* closure);
  void dispatch(Message message, Incoming& incoming);
  void connection_changed(bool connected);

  const Url url_;
  const Sending sending_;
  const std::string shown_;
  LogSink& log_;
  mutable std::mutex session_mutex_;
  std::shared_ptr<Session> session_;
  std::string inbox_;  // the same over all sessions
  std::atomic<std::uint64_t> tokens_ = 0;
  std::atomic<std::uint64_t> losses_ = 0;
  std::atomic<bool> is_closed_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::shared_ptr<Handler> on_change_;
  std::map<std::uint64_t, std::shared_ptr<std::function<void()>>> watchers_;
  std::uint64_t watchers_made_ = 0;

  std::set<std::string, std::less<>> streams_;

  // Of connecting anew.
  std::mutex reopening_mutex_;
  std::condition_variable reopening_;
  bool must_reopen_ = false;
  // Begun when it is needed first. No watcher may hold the last of this: its owner closes it before it lets it go.
  std::thread reopener_;
};

}  // namespace tidings::brokers::nats
