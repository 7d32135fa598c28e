// Who may come in, and that a password goes nowhere it should not.
#include <fstream>

#include "brokers/kafka/testing.hpp"
#include "testing/servers/certificates.hpp"

namespace tidings::brokers::kafka {
namespace {

using namespace std::chrono_literals;
using tidings::testing::Certificates;
using tidings::testing::KafkaListener;
using tidings::testing::ServerProcess;

/// A server with an authority and a certificate of its own; and another authority, that nobody trusts.
class KafkaSecurity : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!tidings::testing::kafka_is_there()) return;
    certificates = new Certificates(Certificates::make().or_throw());
    certificates->add("server", {}).or_throw();
    auto started = serve();
    ASSERT_TRUE(started) << to_string(started.error());
    server = std::move(*started);
  }
  static void TearDownTestSuite() {
    server.reset();
    delete std::exchange(certificates, nullptr);
  }
  void SetUp() override { TIDINGS_NEEDS_SERVER(tidings::testing::kafka_is_there()); }

  static std::string read(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// As Kafka takes them: the key before what it signs.
  static std::string key_and_certificate(const std::string& name) {
    return read(certificates->key(name)) + read(certificates->certificate(name));
  }
  static Result<std::unique_ptr<ServerProcess>> serve(tidings::testing::KafkaServerOptions options = {}) {
    options.with_security = true;
    options.files["server.pem"] = key_and_certificate("server");
    return tidings::testing::start_kafka_server(options);
  }
  static std::string trusting(const std::string& authority) {
    return "?tls=true&ca=" + certificates->certificate(authority);
  }
  static std::string address(KafkaListener listener) { return tidings::testing::kafka_address(*server, listener); }

  Result<std::vector<Published>> publish_over(const std::string& url, Duration wait_max = 10s) {
    BrokerOptions options;
    options.log = &sink;
    auto broker = open_kafka(url, options);
    if (!broker) return broker.error();
    return try_publish(**broker, "t", {"0"}, "", {.wait_max = wait_max});
  }
  void check_refused(const std::string& url, const std::string& says, const std::string& code = "permission_denied") {
    const auto published = publish_over(url, 1s);
    ASSERT_FALSE(published) << url;
    EXPECT_EQ(published.error().code, code) << published.error().message;
    EXPECT_NE((published.error().message + sink.all()).find(says), std::string::npos)
        << published.error().message << sink.all();
    EXPECT_EQ((published.error().message + sink.all()).find("secret"), std::string::npos)
        << published.error().message << sink.all();
  }

  static inline Certificates* certificates = nullptr;
  static inline std::unique_ptr<ServerProcess> server;
  Collected sink;
};

TEST_F(KafkaSecurity, LetsInWhoHasThePassword) {
  for (const auto* const who : {"alice:alice-secret@", "bob:bob-secret@"})
    for (const auto* const mechanism : {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}) {
      if ((std::string_view(mechanism) == "PLAIN") != (who[0] == 'a')) continue;
      const auto published =
          publish_over("kafka://" + std::string(who) + address(KafkaListener::sasl) + "?sasl=" + mechanism);
      EXPECT_TRUE(published) << mechanism << ": " << to_string(published.error());
    }
}

TEST_F(KafkaSecurity, TellsWhoHasAWrongOneAndShowsNoPassword) {
  for (const auto* const mechanism : {"PLAIN", "SCRAM-SHA-256"}) {
    check_refused("kafka://alice:wrong-secret@" + address(KafkaListener::sasl) + "?sasl=" + mechanism, "uthentication");
    check_refused("kafka://bob:wrong-secret@" + address(KafkaListener::sasl) + "?sasl=" + mechanism, "uthentication");
  }
}

TEST_F(KafkaSecurity, TellsWhichMechanismsTheServerHas) {
  auto started = serve({.config = "listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512\n"});
  ASSERT_TRUE(started) << to_string(started.error());
  const auto where = tidings::testing::kafka_address(**started, KafkaListener::sasl);
  const auto begun = std::chrono::steady_clock::now();
  const auto published = publish_over("kafka://bob:bob-secret@" + where + "?sasl=PLAIN");
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, "permission_denied") << published.error().message;
  EXPECT_EQ(published.error().retry, Retry::never);
  EXPECT_NE(published.error().message.find("it takes SCRAM-SHA-"), std::string::npos) << published.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s) << "it is no use to wait";
  EXPECT_EQ(sink.warnings(), "") << "the error says it";
}

TEST_F(KafkaSecurity, SpeaksTlsWithWhomTheAuthorityKnows) {
  const auto published = publish_over("kafka://" + address(KafkaListener::tls) + trusting("ca"));
  EXPECT_TRUE(published) << to_string(published.error()) << sink.all();
  const auto both =
      publish_over("kafka://alice:alice-secret@" + address(KafkaListener::sasl_tls) + trusting("ca") + "&sasl=PLAIN");
  EXPECT_TRUE(both) << to_string(both.error()) << sink.all();
}

TEST_F(KafkaSecurity, ChecksTheCertificate) {
  check_refused("kafka://" + address(KafkaListener::tls) + trusting("foreign-ca"), "certificate verify failed",
                "tls_failed");
  check_refused("kafka://" + address(KafkaListener::tls) + "?tls=true", "certificate verify failed",
                "tls_failed");  // the system's authorities
  EXPECT_EQ(publish_over("kafka://" + address(KafkaListener::tls) + "?tls=true&ca=/nowhere.pem").error().code,
            "invalid_url");
}

/// One listener shows the certificate of another host, the other one that has expired.
TEST_F(KafkaSecurity, ChecksTheNameInTheCertificateAndItsEnd) {
  certificates->add("other-host", {.hosts = "IP:127.0.0.9"}).or_throw();
  certificates->add("expired", {.has_expired = true}).or_throw();
  auto started = serve({.files = {{"other-host.pem", key_and_certificate("other-host")},
                                  {"expired.pem", key_and_certificate("expired")}},
                        .config = "listener.name.tls.ssl.keystore.location={folder}/other-host.pem\n"
                                  "listener.name.tls.ssl.keystore.type=PEM\n"
                                  "listener.name.sasltls.ssl.keystore.location={folder}/expired.pem\n"
                                  "listener.name.sasltls.ssl.keystore.type=PEM\n"});
  ASSERT_TRUE(started) << to_string(started.error());
  const auto other_host = tidings::testing::kafka_address(**started, KafkaListener::tls);
  check_refused("kafka://" + other_host + trusting("ca"), "certificate verify failed", "tls_failed");
  const auto expired = tidings::testing::kafka_address(**started, KafkaListener::sasl_tls);
  check_refused("kafka://alice:alice-secret@" + expired + trusting("ca") + "&sasl=PLAIN", "certificate verify failed",
                "tls_failed");
}

/// The first server is on this machine, and tells of one that is not. It also wants a certificate of who comes by TLS.
TEST_F(KafkaSecurity, SendsNoReadablePasswordWhereTheServerPointsAndShowsACertificateWhereOneIsWanted) {
  certificates->add("client", {}).or_throw();
  certificates->add("stranger", {.authority = "foreign-ca"}).or_throw();
  auto started = serve({.files = {{"ca.pem", read(certificates->certificate("ca"))}},
                        .config = "listener.name.tls.ssl.client.auth=required\n"
                                  "listener.name.tls.ssl.truststore.type=PEM\n"
                                  "listener.name.tls.ssl.truststore.location={folder}/ca.pem\n",
                        .sasl_host = "192.0.2.1"});
  ASSERT_TRUE(started) << to_string(started.error());
  const auto tls = "kafka://" + tidings::testing::kafka_address(**started, KafkaListener::tls) + trusting("ca");
  const auto as = [&](const std::string& name) {
    return tls + "&cert=" + certificates->certificate(name) + "&key=" + certificates->key(name);
  };
  const auto known = publish_over(as("client"));
  EXPECT_TRUE(known) << to_string(known.error()) << sink.all();
  EXPECT_FALSE(publish_over(tls, 1s));
  EXPECT_FALSE(publish_over(as("stranger"), 1s));
  check_refused(
      "kafka://alice:alice-secret@" + tidings::testing::kafka_address(**started, KafkaListener::sasl) + "?sasl=PLAIN",
      "insecure_credentials", "unreachable");
}

}  // namespace
}  // namespace tidings::brokers::kafka
