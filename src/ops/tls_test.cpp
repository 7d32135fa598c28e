#include "ops/tls.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>

#include "ops/http_client.hpp"
#include "ops/testing.hpp"
#include "ops/tls_testing.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/ops/trace.hpp"

namespace tidings::ops {
namespace {

using namespace std::chrono_literals;

class TlsTest : public ::testing::Test {
 protected:
  ~TlsTest() override {
    for (const auto& file : files_) ::unlink(file.c_str());
    ::rmdir(folder_.c_str());
  }
  std::string file(const std::string& name, const std::string& bytes) {
    files_.push_back(folder_ + "/" + name);
    std::ofstream(files_.back()) << bytes;
    return files_.back();
  }
  /// What becomes of a request to `host`, whatever its address is, by who trusts those in `authorities`.
  static std::string asked(const TlsServer& server, const std::string& host, const std::string& authorities) {
    const auto here = [&server](const std::string&, const std::string&) {
      return Lookup::ask_system()("127.0.0.1", std::to_string(server.port()));
    };
    auto client = HttpClient::make({.host = host, .port = std::to_string(server.port()), .is_secure = true},
                                   {.authorities_file = authorities, .lookup = here});
    if (!client) return to_string(client.error());
    const auto reply = client->call("POST", {}, "{}", steady_now() + 60s);
    return reply ? std::to_string(reply->status) : to_string(reply.error());
  }

  static std::string new_folder() {
    char name[] = "/tmp/tidings-tls-XXXXXX";
    const char* const made = ::mkdtemp(name);
    EXPECT_NE(made, nullptr);
    return name;
  }

  const std::string folder_ = new_folder();
  std::vector<std::string> files_;
  Identity authority_ = Identity::make("");
  std::string trusted_ = file("authority.pem", authority_.pem());
};

TEST_F(TlsTest, a_server_is_trusted_by_authority_and_name) {
  const TlsServer server(Identity::make("DNS:collector,DNS:*.example.test,IP:127.0.0.1", &authority_));
  for (const auto* const host : {"collector", "COLLECTOR", "a.example.test", "127.0.0.1"})
    EXPECT_EQ(asked(server, host, trusted_), "200") << host;
  EXPECT_EQ(server.requests, 4);
}

TEST_F(TlsTest, another_name_is_refused_before_anything_is_sent) {
  const TlsServer server(Identity::make("DNS:collector,DNS:*.example.test", &authority_));
  for (const auto* const host : {"collector.evil.test", "example.test", "a.b.example.test", "localhost"})
    EXPECT_TRUE(asked(server, host, trusted_)
                    .contains("untrusted: the certificate of " + std::string(host) + ": hostname mismatch"))
        << asked(server, host, trusted_);
  EXPECT_TRUE(asked(server, "127.0.0.1", trusted_).contains("IP address mismatch"));
  EXPECT_EQ(server.requests, 0);
}

TEST_F(TlsTest, another_authority_is_refused_and_so_is_none) {
  const auto other = Identity::make("");
  const auto of_other = file("other.pem", other.pem());
  const TlsServer server(Identity::make("DNS:collector", &authority_));
  EXPECT_TRUE(asked(server, "collector", of_other).starts_with("untrusted: ")) << asked(server, "collector", of_other);
  EXPECT_TRUE(asked(server, "collector", "").contains("OTEL_EXPORTER_OTLP_CERTIFICATE"))
      << "whom the system trusts: " << asked(server, "collector", "");
  const TlsServer by_itself(Identity::make("DNS:collector"));
  EXPECT_TRUE(asked(by_itself, "collector", trusted_).starts_with("untrusted: "));
  EXPECT_EQ(server.requests + by_itself.requests, 0);
}

TEST_F(TlsTest, what_has_expired_is_refused) {
  const TlsServer server(Identity::make("DNS:collector", &authority_, -60));
  EXPECT_TRUE(asked(server, "collector", trusted_).contains("certificate has expired"))
      << asked(server, "collector", trusted_);
}

TEST_F(TlsTest, authorities_that_cannot_be_read_are_told) {
  const TlsServer server(Identity::make("DNS:collector", &authority_));
  for (const auto& wrong : {folder_ + "/none", file("empty.pem", ""), file("text.pem", "no certificate")})
    EXPECT_TRUE(asked(server, "collector", wrong).starts_with("invalid_options: '" + wrong + "' has no certificates"))
        << asked(server, "collector", wrong);
}

TEST_F(TlsTest, who_speaks_no_tls_is_told_and_one_that_shakes_no_hands_is_given_up) {
  HttpServer plain({.request_within = 200ms});
  plain.start().or_throw();
  auto client = HttpClient::make({.host = "127.0.0.1", .port = std::to_string(plain.port()), .is_secure = true},
                                 {.authorities_file = trusted_})
                    .or_throw();
  const auto spoken = client.call("GET", {}, "", steady_now() + 60s);
  EXPECT_TRUE(spoken.error().message.contains("no TLS with 127.0.0.1")) << spoken.error().message;

  TlsServer server(Identity::make("IP:127.0.0.1", &authority_));
  server.is_silent = true;
  auto patient = HttpClient::make({.host = "127.0.0.1", .port = std::to_string(server.port()), .is_secure = true},
                                  {.authorities_file = trusted_})
                     .or_throw();
  EXPECT_TRUE(patient.call("GET", {}, "", steady_now() + 50ms).error().message.contains("shook no hands in time"));
  const Fd cancel(::eventfd(1, EFD_CLOEXEC));
  EXPECT_EQ(patient.call("GET", {}, "", steady_now() + 1h, cancel.get()).error().code, "unreachable");
}

TEST_F(TlsTest, a_server_that_leaves_ends_the_call_and_not_the_program) {
  TlsServer server(Identity::make("IP:127.0.0.1", &authority_));
  server.leaves = true;
  auto client = HttpClient::make({.host = "127.0.0.1", .port = std::to_string(server.port()), .is_secure = true},
                                 {.authorities_file = trusted_})
                    .or_throw();
  const std::string much(std::size_t{8} << 20, 'x');  // so that some of it comes once nobody is there
  const auto reply = client.call("POST", {}, much, steady_now() + 60s);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, "unreachable") << reply.error().message;
}

TEST_F(TlsTest, spans_go_over_it) {
  const TlsServer server(Identity::make("IP:127.0.0.1", &authority_));
  const auto url = "https://127.0.0.1:" + std::to_string(server.port());
  const auto send = [&](const std::vector<std::pair<std::string, std::string>>& variables) {
    auto options = trace_options(variables, "shop").or_throw();
    options.timeout = 1s;
    const auto tracer = Tracer::make(std::move(options), stderr_log(LogLevel::error)).or_throw();
    {
      const Span span(*tracer, "x");
    }
    tracer->stop();
    return tracer->counts();
  };
  EXPECT_EQ(send({{"OTEL_EXPORTER_OTLP_ENDPOINT", url}, {"OTEL_EXPORTER_OTLP_CERTIFICATE", trusted_}}).exported, 1U);
  const auto refused = send({{"OTEL_EXPORTER_OTLP_ENDPOINT", url}});
  EXPECT_EQ(refused.exported, 0U);
  EXPECT_EQ(refused.dropped_away, 1U);
  const auto wrong =
      trace_options({{"OTEL_EXPORTER_OTLP_ENDPOINT", url}, {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/none"}}, "shop");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, "invalid_setting");
  EXPECT_TRUE(wrong.error().message.starts_with("OTEL_EXPORTER_OTLP_CERTIFICATE: '/none'")) << wrong.error().message;
}

}  // namespace
}  // namespace tidings::ops
