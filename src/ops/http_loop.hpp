#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "ops/http_parse.hpp"
#include "ops/socket.hpp"
#include "tidings/ops/http.hpp"

namespace tidings::ops {

/// What others have for the thread of all connections.
struct HttpMail {
  explicit HttpMail();
  Fd wake;
  std::mutex mutex;
  std::vector<std::pair<std::uint64_t, HttpAnswer>> answers;  ///< of slow routes, by connection
  std::vector<std::uint64_t> streams;                         ///< something was sent there, or they end
  void post();                                                ///< under no lock
};

struct HttpStream::State {
  std::shared_ptr<HttpMail> mail;
  std::uint64_t connection = 0;
  std::size_t bytes_max = 0;
  std::mutex mutex;
  std::string waiting;
  std::size_t unsent = 0;  ///< with what the connection has taken over
  bool open = true;
  bool told = false;  ///< in `HttpMail::streams`
};

/// The thread of all connections, and what it keeps of each. See `HttpServer`.
class HttpServer::Loop {
 public:
  explicit Loop(HttpOptions options);
  ~Loop() { stop(); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  struct Route {
    Handle handle;
    Stream stream;
    bool is_slow = false;
  };
  void add(std::string_view path, Route route) { routes_.insert_or_assign(std::string(path), std::move(route)); }
  void add_post(std::string_view path, Route route) { posts_.insert_or_assign(std::string(path), std::move(route)); }
  Result<> start();
  void stop();
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  struct Connection {
    Fd fd;
    std::unique_ptr<HttpChannel> channel;  ///< none: the socket itself
    std::string peer;
    std::uint64_t id = 0;
    std::string in;
    std::string out;
    std::size_t written = 0;
    SteadyTime until{};  ///< then it is closed, unless something changes
    SteadyTime heard{};
    bool has_ended = false;  ///< the client sends no more
    bool is_busy = false;    ///< a slow route has its request
    bool is_head = false;
    bool keeps_alive = true;
    bool reads = true;  ///< epoll tells of what comes
    bool writes = false;
    bool has_turn = false;  ///< it is in `turns_`
    std::shared_ptr<HttpStream::State> stream;
  };

  void run();
  void accept_all();
  [[nodiscard]] std::unique_ptr<HttpChannel> channel_of(int socket) const;
  void make_room();
  void read_from(Connection& connection);
  void answer_next(Connection& connection);
  void handle(Connection& connection, ParsedRequest parsed);
  void begin_stream(Connection& connection, const Route& route, const HttpRequest& request);
  void send(Connection& connection, const HttpAnswer& answer, bool is_stream = false);
  void write_to(Connection& connection);
  void watch(Connection& connection);
  void give_turn(Connection& connection);
  void take_turns();
  static std::ptrdiff_t receive(Connection& connection, char* into, std::size_t size);
  static std::ptrdiff_t transmit(Connection& connection, const char* bytes, std::size_t size);
  [[nodiscard]] std::size_t held_max() const { return options_.request_bytes_max * 2 + options_.body_bytes_max; }
  template <class Call>
  [[nodiscard]] HttpAnswer guarded_answer(Call&& call) const;
  [[nodiscard]] bool has_worker();
  [[nodiscard]] HttpAnswer problem(int status, std::string_view why) const;
  void take_mail();
  void take_stream(Connection& connection);
  void sweep(SteadyTime now);
  void drop(std::uint64_t id);
  void work();

  const HttpOptions options_;
  std::map<std::string, Route, std::less<>> routes_, posts_;
  std::string address_;
  std::uint16_t port_ = 0;
  Fd listening_;
  Fd epoll_;
  std::shared_ptr<HttpMail> mail_ = std::make_shared<HttpMail>();
  std::unordered_map<std::uint64_t, Connection> connections_;
  std::vector<std::uint64_t> dropped_;
  std::deque<std::uint64_t> turns_;  ///< connections to be gone on with, though epoll tells nothing of them
  std::uint64_t next_id_ = 2;        // 0 and 1 are the listening socket and the mail
  std::size_t streams_ = 0;
  SteadyTime accept_again_{};  // descriptors had run out
  bool accepts_ = true;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;

  struct Job {
    std::uint64_t connection;
    const Route* route;
    HttpRequest request;
  };
  std::mutex jobs_mutex_;
  std::condition_variable jobs_changed_;
  std::deque<Job> jobs_;
  std::vector<std::thread> workers_;
  std::size_t idle_ = 0;
};

}  // namespace tidings::ops
