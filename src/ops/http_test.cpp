#include "tidings/ops/http.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "ops/http_client.hpp"
#include "ops/http_parse.hpp"
#include "ops/testing.hpp"

namespace tidings::ops {
namespace {

using namespace std::chrono_literals;

class HttpTest : public ::testing::Test {
 protected:
  HttpServer& serve(HttpOptions options = {}) {
    server_ = std::make_unique<HttpServer>(std::move(options));
    server_->quick("/hello", [](const HttpRequest& request) {
      return HttpAnswer{.body = "hello " + request.query, .type = "text/plain"};
    });
    server_->quick("/throws", [](const HttpRequest&) -> HttpAnswer { throw std::runtime_error("no"); });
    server_->stream("/stream", [this](const HttpRequest&, HttpStream stream) {
      const std::scoped_lock lock(mutex_);
      streams_.push_back(std::move(stream));
      return HttpAnswer{.type = "text/event-stream"};
    });
    server_->slow("/slow", [this](const HttpRequest&) {
      ++slow_;
      while (!released_) std::this_thread::sleep_for(1ms);
      return HttpAnswer{.body = "slow"};
    });
    return *server_;
  }
  HttpServer& start(HttpOptions options = {}) {
    serve(std::move(options)).start().or_throw();
    return *server_;
  }
  ~HttpTest() override { released_ = true; }
  std::vector<HttpStream> streams() {
    const std::scoped_lock lock(mutex_);
    return streams_;
  }

  std::unique_ptr<HttpServer> server_;
  std::mutex mutex_;
  std::vector<HttpStream> streams_;
  std::atomic<int> slow_ = 0;
  std::atomic<bool> released_ = false;
};

TEST_F(HttpTest, answers_routes_and_says_what_there_is) {
  auto& server = start();
  EXPECT_EQ(get(server, "/hello?a=1").body, "hello a=1");
  EXPECT_EQ(get(server, "/hell%6f").status, 200);
  const auto none = get(server, "/other");
  EXPECT_EQ(none.status, 404);
  EXPECT_NE(none.body.find("/hello"), std::string::npos);
  EXPECT_EQ(get(server, "/throws").status, 500);
}

TEST_F(HttpTest, one_connection_has_many_requests_also_at_once_and_one_that_ends_gets_its_answer) {
  auto& server = start();
  const Client client(server);
  client.send("GET /hello?1 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(client.read_until("hello 1").find("200 OK"), std::string::npos);
  std::string many;
  for (int at = 0; at < 40; ++at) many += "GET /hello?x" + std::to_string(at) + "- HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(many);
  EXPECT_NE(client.read_until("hello x39-").find("hello x0-"), std::string::npos);
  client.send("GET /hello?last HTTP/1.1\r\n\r\n");
  ::shutdown(client.fd(), SHUT_WR);
  EXPECT_NE(client.read_to_end().find("hello last"), std::string::npos);
}

TEST_F(HttpTest, who_has_asked_for_many_and_sends_no_more_gets_all_answers_and_the_end) {
  auto& server = start();
  for (const int count : {1, 3, 16, 17, 100}) {
    for (const std::string rest : {"", "GET /hello?part HTTP/1.1\r\n"}) {
      const Client client(server);
      std::string many;
      for (int at = 0; at < count; ++at) many += "GET /hello?x" + std::to_string(at) + "- HTTP/1.1\r\n\r\n";
      ASSERT_TRUE(client.send(many + rest));
      ::shutdown(client.fd(), SHUT_WR);
      const auto all = client.read_to_end();
      for (int at = 0; at < count; ++at) EXPECT_TRUE(all.contains("hello x" + std::to_string(at) + "-")) << at;
      EXPECT_FALSE(all.contains("part")) << all;
    }
  }
}

TEST_F(HttpTest, who_sends_no_more_while_he_takes_a_large_answer_is_closed_behind_it) {
  auto& server = serve({.request_within = 60s, .idle_max = 1h});
  const std::string much(std::size_t{32} << 20, 'x');  // more than sockets hold
  server.quick("/much", [&](const HttpRequest&) { return HttpAnswer{.body = much}; });
  server.start().or_throw();
  const Client client(server);
  ASSERT_TRUE(client.send("GET /much HTTP/1.1\r\n\r\n"));
  ASSERT_TRUE(eventually([&] { return client.has_answer(); }));
  ::shutdown(client.fd(), SHUT_WR);
  const auto all = client.read_to_end();
  EXPECT_TRUE(all.ends_with("xxx")) << all.substr(all.size() - 20) << ": the end comes, and not after an hour";
  EXPECT_GT(all.size(), much.size());
}

TEST_F(HttpTest, what_functions_of_its_user_throw_ends_nothing) {
  HttpOptions options;
  options.gate = [](const HttpRequest& request) -> std::optional<HttpAnswer> {
    if (request.query == "gate") throw std::runtime_error("the gate broke");
    return std::nullopt;
  };
  options.problem = [](int status, std::string_view why) -> HttpAnswer {
    if (status == 404) throw std::runtime_error("the page broke");
    return {.status = status, .body = std::string(why)};
  };
  auto& server = start(std::move(options));
  EXPECT_EQ(get(server, "/hello?gate").status, 500);
  EXPECT_TRUE(get(server, "/hello?gate").body.contains("the gate broke"));
  EXPECT_EQ(get(server, "/none").status, 404);
  EXPECT_EQ(get(server, "/hello").status, 200);

  HttpServer closed({.channel = [](int) -> std::unique_ptr<HttpChannel> { throw std::runtime_error("no"); }});
  closed.start().or_throw();
  const Client client(closed);
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(HttpTest, no_answer_has_a_line_that_is_not_its_own) {
  auto& server = serve({.headers = {{"X-All\r\nX-Wrong", "1"}, {"X-All", "1"}}});
  server.quick("/lines", [](const HttpRequest&) {
    return HttpAnswer{.body = "b", .type = "a\r\nX-Wrong: 2", .headers = {{"X-Own", "a\nX-Wrong: 3"}, {"X-Fine", "f"}}};
  });
  server.start().or_throw();
  const auto reply = get(server, "/lines");
  EXPECT_EQ(reply.body, "b");
  EXPECT_FALSE(reply.headers.contains("X-Wrong")) << reply.headers;
  EXPECT_TRUE(reply.headers.contains("X-All: 1\r\n")) << reply.headers;
  EXPECT_TRUE(reply.headers.contains("X-Fine: f\r\n")) << reply.headers;
}

TEST_F(HttpTest, head_has_no_body_and_other_methods_and_bodies_are_refused) {
  auto& server = start();
  {
    const Client client(server);
    client.send("HEAD /hello HTTP/1.1\r\nConnection: close\r\n\r\n");
    const auto answer = client.read_to_end();
    EXPECT_NE(answer.find("Content-Length: 6\r\n"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  }
  const std::pair<std::string, std::string> wrong[] = {
      {"POST /hello HTTP/1.1\r\n\r\n", "405"},
      {"GET /hello HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "413"},
      {"GET /hello HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "413"},
      {"GET /hello HTTP/3\r\n\r\n", "505"},
      {"GET hello HTTP/1.1\r\n\r\n", "400"},
      {"GET /%zz HTTP/1.1\r\n\r\n", "400"},
      {"GET /\x01 HTTP/1.1\r\n\r\n", "400"},
      {"\r\n\r\n", "400"},
      {"GET /hello HTTP/1.1\r\nno header\r\n\r\n", "400"},
      {"GET /hello HTTP/1.1\r\n: none\r\n\r\n", "400"},
      {"GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\n\r\n", "431"},
      {"GET /hello HTTP/1.1\r\nx: " + std::string(20'000, 'a'), "431"},
  };
  for (const auto& [request, status] : wrong) {
    const Client client(server);
    client.send(request);
    EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 " + status)) << request.substr(0, 60);
  }
}

TEST_F(HttpTest, no_prefix_of_a_request_nor_garbage_does_harm) {
  const std::string whole = "GET /hello?q HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(parse_request(std::string_view(whole).substr(0, size), 8'192).state, ParsedRequest::State::incomplete);
  EXPECT_EQ(parse_request(whole, 8'192).request.header("host"), "localhost");
  SeededEntropy entropy(7);
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = whole;
    for (int change = 0; change < 3; ++change)
      bytes[entropy.below(bytes.size())] = static_cast<char>(entropy.below(256));
    const auto parsed = parse_request(bytes, 8'192);
    EXPECT_LE(parsed.bytes, bytes.size());
  }
}

TEST_F(HttpTest, answers_while_many_are_idle_listen_or_send_byte_by_byte) {
  auto& server = start({.request_within = 200ms});
  std::vector<std::unique_ptr<Client>> idle, listening(64);
  for (int at = 0; at < 64; ++at) idle.push_back(std::make_unique<Client>(server));
  const auto open = [&] {
    auto all = streams();
    std::erase_if(all, [](const auto& one) { return !one.is_open(); });
    return all;
  };
  ASSERT_TRUE(eventually([&] {
    for (auto& one : listening) {
      if (one && !one->is_closed()) continue;  // who is not heard in time, on a machine that is busy, comes again
      one = std::make_unique<Client>(server);
      one->send("GET /stream HTTP/1.1\r\n\r\n");
    }
    return open().size() == 64;
  }));
  const Client loris(server);
  loris.send("GET /hello HTTP/1.1\r\n");
  EXPECT_EQ(get(server, "/hello").status, 200);
  // It is closed by its deadline, though it goes on sending.
  std::size_t sent = 0;  // never so much that it is refused for that
  EXPECT_TRUE(eventually([&] { return loris.is_closed() || (++sent < 1'000 && !loris.send("x")); }));
  for (const auto& stream : open()) EXPECT_TRUE(stream.send("data: 1\n\n"));
  for (const auto& client : listening)
    EXPECT_NE(client->read_until("data: 1\n\n").find("text/event-stream"), std::string::npos);
  EXPECT_EQ(get(server, "/hello").status, 200);
}

TEST_F(HttpTest, a_stream_ends_where_nobody_listens_or_does_not_take_it) {
  auto& server = start({.request_within = 60s, .stream_bytes_max = 100'000});
  {
    const Client gone(server);
    gone.send("GET /stream HTTP/1.1\r\n\r\n");
    (void)gone.read_until("\r\n\r\n");
  }
  ASSERT_EQ(streams().size(), 1U);
  EXPECT_TRUE(eventually([&] { return !streams()[0].send("data"); }));
  const Client slow(server);
  slow.send("GET /stream HTTP/1.1\r\n\r\n");
  (void)slow.read_until("\r\n\r\n");
  const std::string much(10'000, 'x');
  EXPECT_TRUE(eventually([&] { return !streams()[1].send(much); })) << "what is not taken is not kept";
  EXPECT_TRUE(eventually([&] { return slow.is_closed_after_reading(); }));
  const Client closed(server);
  closed.send("GET /stream HTTP/1.1\r\n\r\n");
  (void)closed.read_until("\r\n\r\n");
  EXPECT_TRUE(streams()[2].send("last words"));
  streams()[2].close();
  EXPECT_TRUE(closed.read_to_end().ends_with("last words"));
}

TEST_F(HttpTest, who_asks_for_much_at_once_takes_no_turn_of_others) {
  auto& server = serve();
  std::atomic<int> much = 0, before = -1;
  server.quick("/much", [&](const HttpRequest&) {
    ++much;
    while (!released_) std::this_thread::sleep_for(1ms);
    return HttpAnswer{.body = "much"};
  });
  server.quick("/one", [&](const HttpRequest&) {
    before = much.load();
    return HttpAnswer{.body = "one"};
  });
  server.start().or_throw();
  const Client greedy(server);
  std::string requests;
  for (int i = 0; i < 1'000; ++i) requests += "GET /much HTTP/1.1\r\n\r\n";
  ASSERT_TRUE(greedy.send(requests));
  ASSERT_TRUE(eventually([&] { return much == 1; }));
  const Client modest(server);
  ASSERT_TRUE(modest.send("GET /one HTTP/1.1\r\n\r\n"));
  released_ = true;
  EXPECT_TRUE(modest.read_until("one").contains("200 OK"));
  EXPECT_LT(before, 20) << "one in each of a few rounds";
  EXPECT_TRUE(eventually([&] {
    char bytes[65536];
    while (::recv(greedy.fd(), bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
    }
    return much == 1'000;
  }));
}

TEST_F(HttpTest, many_who_ask_for_much_at_once_take_no_turn_of_who_is_new) {
  auto& server = serve();
  std::atomic<int> much = 0, allowed = 0, before = -1;
  server.quick("/much", [&](const HttpRequest&) {
    ++much;
    while (!released_ && much > allowed) std::this_thread::sleep_for(1ms);
    if (released_) std::this_thread::sleep_for(1ms);
    return HttpAnswer{.body = "much"};
  });
  server.quick("/one", [&](const HttpRequest&) {
    before = much.load();
    return HttpAnswer{.body = "one"};
  });
  server.start().or_throw();
  std::vector<std::unique_ptr<Client>> greedy;
  for (int at = 0; at < 100; ++at) {
    greedy.push_back(std::make_unique<Client>(server));
    ASSERT_TRUE(greedy.back()->send("GET /hello HTTP/1.1\r\n\r\n"));
    ASSERT_TRUE(greedy.back()->read_until("hello ").contains("200 OK"));
  }
  std::string requests;
  for (int at = 0; at < 20; ++at) requests += "GET /much HTTP/1.1\r\n\r\n";
  for (const auto& one : greedy) ASSERT_TRUE(one->send(requests));
  allowed = 300;  // all of them have been heard then, and wait for turns
  ASSERT_TRUE(eventually([&] { return much == 301; }));
  const Client modest(server);
  ASSERT_TRUE(modest.send("GET /one HTTP/1.1\r\n\r\n"));
  released_ = true;
  EXPECT_TRUE(modest.read_until("one").contains("200 OK"));
  EXPECT_LT(before - 301, 30) << "what is done in a few milliseconds, and not what 100 have asked for";
  for (const auto& one : greedy) {
    std::size_t answers = 0;
    for (std::string text; answers < 20; ++answers) {
      if (!text.contains("much")) text += one->read_until("much");
      ASSERT_TRUE(text.contains("much"));
      text.erase(0, text.find("much") + 4);
    }
  }
}

/// Behind the request there is always more to read.
class Endless final : public HttpChannel {
 public:
  explicit Endless(int socket) : socket_(socket) {}
  std::ptrdiff_t receive(char* into, std::size_t size) override {
    if (is_over_) {
      std::fill_n(into, size, 'x');
      return static_cast<std::ptrdiff_t>(size);
    }
    const auto got = ::recv(socket_, into, size, 0);
    is_over_ = got > 0 && std::string_view(into, static_cast<std::size_t>(got)).contains("/stream");
    return got;
  }
  std::ptrdiff_t send(const char* bytes, std::size_t size) override {
    return ::send(socket_, bytes, size, MSG_NOSIGNAL);
  }
  [[nodiscard]] bool holds_any() const override { return is_over_; }
  [[nodiscard]] bool waits_to_write() const override { return false; }

 private:
  int socket_;
  bool is_over_ = false;
};

TEST_F(HttpTest, who_listens_and_sends_without_end_takes_no_turn_of_others) {
  auto& server = start({.request_within = 60s, .request_bytes_max = 65'536, .channel = [](int socket) {
                          return std::make_unique<Endless>(socket);
                        }});
  const Client listens(server);
  ASSERT_TRUE(listens.send("GET /stream HTTP/1.1\r\n\r\n"));
  ASSERT_TRUE(eventually([&] { return !streams().empty(); }));
  ASSERT_TRUE(listens.send("more"));
  EXPECT_EQ(get(server, "/hello").status, 200);
  EXPECT_TRUE(streams()[0].send("news"));
  EXPECT_TRUE(listens.read_until("news").ends_with("news"));
}

TEST_F(HttpTest, more_streams_than_allowed_are_refused_and_one_that_goes_makes_room) {
  auto& server = start({.streams_max = 1});
  {
    const Client one(server);
    one.send("GET /stream HTTP/1.1\r\n\r\n");
    (void)one.read_until("\r\n\r\n");
    EXPECT_EQ(get(server, "/stream").status, 503);
  }
  EXPECT_TRUE(eventually([&] {
    const Client next(server);
    next.send("GET /stream HTTP/1.1\r\n\r\n");
    return next.read_until("\r\n\r\n").starts_with("HTTP/1.1 200");
  }));
}

TEST_F(HttpTest, slow_routes_hold_up_no_quick_one_and_are_bounded) {
  auto& server = start({.threads = 2, .waiting_max = 1});
  std::vector<std::unique_ptr<Client>> clients;
  for (int at = 0; at < 2; ++at) {
    clients.push_back(std::make_unique<Client>(server));
    clients.back()->send("GET /slow HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return slow_ == at + 1; }));
  }
  // Of two more one waits, and the other, whichever comes later, is refused.
  for (int at = 0; at < 2; ++at) {
    clients.push_back(std::make_unique<Client>(server));
    clients.back()->send("GET /slow HTTP/1.1\r\n\r\n");
  }
  const auto refused = [&] { return std::ranges::find_if(clients, [](const auto& one) { return one->has_answer(); }); };
  ASSERT_TRUE(eventually([&] { return refused() != clients.end(); }));
  const auto found = refused();
  EXPECT_TRUE((*found)->read_until("}").starts_with("HTTP/1.1 503"));
  clients.erase(found);
  EXPECT_EQ(get(server, "/hello").status, 200);
  released_ = true;
  for (const auto& client : clients) EXPECT_TRUE(client->read_until("slow").starts_with("HTTP/1.1 200"));
}

TEST_F(HttpTest, the_one_that_is_silent_longest_makes_room) {
  auto& server = start({.connections_max = 8, .request_within = 60s});
  std::vector<std::unique_ptr<Client>> idle;
  for (int at = 0; at < 20; ++at) idle.push_back(std::make_unique<Client>(server));
  EXPECT_EQ(get(server, "/hello").status, 200);
  EXPECT_TRUE(eventually([&] { return idle.front()->is_closed(); }));
}

TEST_F(HttpTest, a_port_in_use_and_wrong_addresses_are_told) {
  auto& server = start();
  HttpServer other({.listen = "127.0.0.1:" + std::to_string(server.port())});
  const auto taken = other.start();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, "address_in_use");
  EXPECT_NE(taken.error().message.find(server.address() + " is taken by another program"), std::string::npos);
  for (const auto* const wrong : {"", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999",
                                  "::1:80", "[::1:80", "[]:80"}) {
    HttpServer bad({.listen = wrong});
    const auto started = bad.start();
    ASSERT_FALSE(started) << wrong;
    EXPECT_EQ(started.error().code, "invalid_address") << wrong;
  }
  HttpServer elsewhere({.listen = "192.0.2.1:0"});
  EXPECT_EQ(elsewhere.start().error().code, "address_unavailable");
}

}  // namespace
}  // namespace tidings::ops
