// Who may come in, and that a password goes nowhere it should not.
#include <cstdlib>
#include <fstream>

#include "brokers/kafka/testing.hpp"

namespace tidings::brokers::kafka {
namespace {

using namespace std::chrono_literals;
using tidings::testing::KafkaListener;
using tidings::testing::ServerProcess;
using tidings::testing::TemporaryFolder;

/// A server with an authority and a certificate of its own; and another authority, that nobody trusts.
class KafkaSecurity : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!tidings::testing::kafka_is_there()) return;
    folder = new TemporaryFolder(TemporaryFolder::make("kafka-tls").or_throw());
    const auto script =
        "set -e; cd '" + folder->path() +
        "'; exec 2>&1; for ca in ca other; do "
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$ca -keyout $ca.key -out $ca.pem; done; "
        "for host in 127.0.0.1 127.0.0.9; do openssl req -newkey rsa:2048 -nodes -subj /CN=server -keyout $host.key "
        "-out $host.csr; "
        "printf 'subjectAltName=IP:%s\\n' $host >ext; "
        "openssl x509 -req -days 2 -in $host.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext -out $host.crt; "
        "cat $host.key $host.crt >$host.pem; done";
    folder->write("make.sh", script).or_throw();
    ASSERT_EQ(std::system(("sh '" + folder->path() + "/make.sh' >'" + folder->path() + "/openssl.log'").c_str()), 0)
        << read("openssl.log");
    auto started = tidings::testing::start_kafka_server(
        {.with_security = true, .files = {{"server.pem", read("127.0.0.1.pem")}}, .config = {}});
    ASSERT_TRUE(started) << to_string(started.error());
    server = std::move(*started);
  }
  static void TearDownTestSuite() {
    server.reset();
    delete std::exchange(folder, nullptr);
  }
  void SetUp() override { TIDINGS_NEEDS_SERVER(tidings::testing::kafka_is_there()); }

  static std::string read(const std::string& name) {
    std::ifstream in(folder->path() + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
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

  static inline TemporaryFolder* folder = nullptr;
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

TEST_F(KafkaSecurity, SpeaksTlsWithWhomTheAuthorityKnows) {
  const auto ca = "&ca=" + folder->path() + "/ca.pem";
  const auto published = publish_over("kafka://" + address(KafkaListener::tls) + "?tls=true" + ca);
  EXPECT_TRUE(published) << to_string(published.error()) << sink.all();
  const auto both =
      publish_over("kafka://alice:alice-secret@" + address(KafkaListener::sasl_tls) + "?sasl=PLAIN&tls=true" + ca);
  EXPECT_TRUE(both) << to_string(both.error()) << sink.all();
}

TEST_F(KafkaSecurity, ChecksTheCertificate) {
  check_refused("kafka://" + address(KafkaListener::tls) + "?tls=true&ca=" + folder->path() + "/other.pem",
                "certificate verify failed");
  check_refused("kafka://" + address(KafkaListener::tls) + "?tls=true",
                "certificate verify failed");  // the system's authorities
  EXPECT_EQ(publish_over("kafka://" + address(KafkaListener::tls) + "?tls=true&ca=/nowhere.pem").error().code,
            "invalid_url");
}

TEST_F(KafkaSecurity, ChecksTheNameInTheCertificate) {
  auto started = tidings::testing::start_kafka_server(
      {.with_security = true, .files = {{"server.pem", read("127.0.0.9.pem")}}, .config = {}});
  ASSERT_TRUE(started) << to_string(started.error());
  check_refused("kafka://" + tidings::testing::kafka_address(**started, KafkaListener::tls) +
                    "?tls=true&ca=" + folder->path() + "/ca.pem",
                "certificate verify failed");
}

/// The first server is on this machine, and tells of one that is not.
TEST_F(KafkaSecurity, SendsNoReadablePasswordWhereTheServerPoints) {
  auto started = tidings::testing::start_kafka_server({.with_security = true,
                                                       .files = {{"server.pem", read("127.0.0.1.pem")}},
                                                       .config = {},
                                                       .sasl_host = "192.0.2.1"});
  ASSERT_TRUE(started) << to_string(started.error());
  check_refused(
      "kafka://alice:alice-secret@" + tidings::testing::kafka_address(**started, KafkaListener::sasl) + "?sasl=PLAIN",
      "insecure_credentials", "unavailable");
}

}  // namespace
}  // namespace tidings::brokers::kafka
