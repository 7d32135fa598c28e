#include "ops/http_client.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <thread>

#include "ops/socket.hpp"
#include "ops/testing.hpp"
#include "tidings/base/steady.hpp"

namespace tidings::ops {
namespace {

using namespace std::chrono_literals;

Address address_of(const Listening& listening) {
  Address address;
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(listening.port);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::memcpy(&address.bytes, &in, sizeof in);
  address.size = sizeof in;
  return address;
}

TEST(HttpUrlTest, is_http_or_https_and_nothing_else) {
  EXPECT_EQ(parse_http_url("http://collector:4318/v1/traces").or_throw().path, "/v1/traces");
  EXPECT_EQ(parse_http_url("http://[::1]:4318").or_throw().host, "::1");
  EXPECT_EQ(parse_http_url("http://collector").or_throw().port, "80");
  EXPECT_EQ(parse_http_url("https://collector").or_throw().port, "443");
  EXPECT_TRUE(parse_http_url("https://collector").or_throw().is_secure);
  EXPECT_FALSE(parse_http_url("http://https://x").has_value());
  for (const auto* const wrong :
       {"", "collector:4318", "http://", "https://", "http://user:pw@host", "http://a b", "ftp://a", "http://a?b",
        "http://a/\r\nb: c", "http://a/\x7f", "http://a#b", "http://a/b#c", "HTTP://a"})
    EXPECT_EQ(parse_http_url(wrong).error().code, "invalid_url") << wrong;
}

TEST(HttpClientTest, an_address_that_is_silent_leaves_the_next_its_time) {
  auto silent = listen_at("127.0.0.1:0").or_throw();
  ASSERT_EQ(::listen(silent.fd.get(), 0), 0);
  const auto to = address_of(silent);
  std::vector<Fd> waiting;  // until nobody more is let in
  for (int at = 0; at < 4; ++at) {
    auto& fd = waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    (void)::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.bytes), to.size);
  }
  HttpServer server({});
  server.quick("/hello", [](const HttpRequest&) { return HttpAnswer{.body = "hello"}; });
  server.start().or_throw();
  Listening answering;
  answering.port = server.port();
  auto client = HttpClient::make({.host = "collector", .port = "1", .path = "/hello"},
                                 {.lookup =
                                      [&](const std::string&, const std::string&) {
                                        return Result<std::vector<Address>>(std::vector{to, address_of(answering)});
                                      }})
                    .or_throw();
  const auto reply = client.call("GET", {}, "", steady_now() + 6s);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "hello");
}

/// Says this to whoever comes, again and again, until it is cut off.
class Babbler {
 public:
  explicit Babbler(std::string first, std::string then)
      : listening_(listen_at("127.0.0.1:0").or_throw()), thread_([this, first, then] {
          const Fd fd = accepted();
          if (fd.get() < 0) return;
          char request[4'096];  // that it is unread would break the connection
          (void)::recv(fd.get(), request, sizeof request, 0);
          auto out = first;
          while (!ending_ && ::send(fd.get(), out.data(), out.size(), MSG_NOSIGNAL) > 0 && !then.empty()) out = then;
        }) {}
  ~Babbler() {
    ending_ = true;
    thread_.join();
  }
  Babbler(const Babbler&) = delete;
  Babbler& operator=(const Babbler&) = delete;
  Result<HttpReply> call(Duration within) const {
    return http_call({.host = "127.0.0.1", .port = std::to_string(listening_.port)}, "GET", {}, "",
                     steady_now() + within);
  }

 private:
  Fd accepted() const {
    while (!ending_)
      if (wait_for(listening_.fd.get(), POLLIN, steady_now() + 10ms, -1))
        return Fd(::accept4(listening_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return Fd();
  }
  Listening listening_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

TEST(HttpClientTest, answers_without_end_are_cut_off) {
  const std::string line = "x: " + std::string(1'000, 'y') + "\r\n";
  EXPECT_EQ(Babbler("HTTP/1.1 200 OK\r\n", line).call(60s).error().code, "bad_reply") << "a head";
  EXPECT_EQ(Babbler("HTTP/1.1 200 OK\r\n\r\n", std::string(65'536, 'z')).call(60s).error().code, "bad_reply")
      << "a body";
  EXPECT_EQ(Babbler("SSH-2.0-OpenSSH\r\n\r\n", "").call(60s).error().code, "bad_reply");
}

TEST(HttpClientTest, one_that_drips_is_given_up_in_time) {
  HttpServer server({});
  std::atomic<bool> ending = false;
  std::vector<std::jthread> drips;
  server.stream("/drip", [&](const HttpRequest&, const HttpStream& stream) {
    drips.emplace_back([&ending, stream] {
      while (!ending && stream.send("x")) std::this_thread::sleep_for(1ms);
    });
    return HttpAnswer{};
  });
  server.start().or_throw();
  const auto reply = http_call({.host = "127.0.0.1", .port = std::to_string(server.port()), .path = "/drip"}, "GET", {},
                               "", steady_now() + 200ms);
  ending = true;
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().message.ends_with("did not answer in time")) << reply.error().message;
}

TEST(HttpClientTest, whole_answers_are_taken_whatever_ends_them) {
  const auto counted = Babbler("HTTP/1.1 202 x\r\ncontent-LENGTH:  2 \r\n\r\nhi", "").call(60s);
  ASSERT_TRUE(counted) << counted.error().message;
  EXPECT_EQ(counted->status, 202);
  EXPECT_EQ(counted->body, "hi");
  const auto ended = Babbler("HTTP/1.0 503 x\r\n\r\nbusy", "").call(60s);
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(ended->status, 503);
  EXPECT_EQ(ended->body, "busy");
}

}  // namespace
}  // namespace tidings::ops
