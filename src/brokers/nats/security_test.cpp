#include <cstdlib>
#include <fstream>

#include "brokers/nats/testing.hpp"
#include "testing/servers/certificates.hpp"

namespace tidings::brokers::nats {
namespace {

using tidings::testing::Certificates;

class Tls : public NatsTest {
 protected:
  void SetUp() override {
    TIDINGS_NEEDS_SERVER(tidings::testing::nats_server_is_there());
    auto made = Certificates::make();
    ASSERT_TRUE(made) << to_string(made.error());
    certificates.emplace(std::move(*made));
  }
  /// Starts a server that shows a certificate like that; with `asks` it wants one of who connects as well.
  void serve(const Certificates::Wish& wish, bool asks = false) {
    auto added = certificates->add("server", wish);
    ASSERT_TRUE(added) << to_string(added.error());
    auto config = "tls { cert_file: \"" + certificates->certificate("server") + "\", key_file: \"" +
                  certificates->key("server") + "\", ca_file: \"" + certificates->certificate("ca") + "\"";
    if (asks) config += ", verify: true";
    start({.config = config + " }\n", .files = {}});
  }
  [[nodiscard]] std::string secure(const std::string& more = {}, const std::string& authority = "ca") const {
    return at({}, "?tls=true&ca=" + certificates->certificate(authority) + more);
  }
  void expect_refused(const std::string& url) {
    const auto broker = try_open(url);
    ASSERT_FALSE(broker) << url << " went through";
    EXPECT_EQ(broker.error().code, "tls_failed") << to_string(broker.error());
    EXPECT_EQ(broker.error().retry, Retry::never);
  }

  std::optional<Certificates> certificates;
};

TEST_F(Tls, TheRightCertificateIsTaken) {
  serve({});
  auto broker = try_open(secure());
  ASSERT_TRUE(broker) << to_string(broker.error());
  EXPECT_TRUE(publish(**broker, "orders", {event("a")}));
  expect_refused(at());  // without TLS
}

TEST_F(Tls, AnotherHostsCertificateIsRefused) {
  serve({.hosts = "DNS:example.org,IP:10.1.2.3"});
  expect_refused(secure());
  EXPECT_TRUE(try_open(secure("&verify=false")));
}

TEST_F(Tls, AnExpiredCertificateIsRefused) {
  serve({.has_expired = true});
  expect_refused(secure());
}

TEST_F(Tls, ACertificateOfAForeignAuthorityIsRefused) {
  serve({.authority = "foreign-ca"});
  expect_refused(secure());
  EXPECT_TRUE(try_open(secure({}, "foreign-ca")));
}

TEST_F(Tls, TheSystemsAuthoritiesAreTakenWhereNoneIsNamed) {
  serve({});
  expect_refused(at({}, "?tls=true"));
}

TEST_F(Tls, AServerMayWantACertificateToo) {
  serve({}, true);
  EXPECT_FALSE(try_open(secure()));
  ASSERT_TRUE(certificates->add("client", {}));
  auto broker =
      try_open(secure("&cert=" + certificates->certificate("client") + "&key=" + certificates->key("client")));
  ASSERT_TRUE(broker) << to_string(broker.error());
  EXPECT_TRUE(publish(**broker, "orders", {event("a")}));
}

TEST_F(Tls, AServerWithoutItIsRefusedWhereItIsAskedFor) {
  start({});
  expect_refused(secure());
}

TEST_F(Tls, AFileThatIsNotThereIsTold) {
  start({});
  const auto broker = try_open(at({}, "?tls=true&ca=/nowhere/ca.pem"));
  ASSERT_FALSE(broker);
  EXPECT_EQ(broker.error().code, "tls_failed");
}

class Identity : public NatsTest {
 protected:
  void SetUp() override { TIDINGS_NEEDS_SERVER(tidings::testing::nats_server_is_there()); }
  void expect_refused(const std::string& url) {
    const auto broker = try_open(url);
    ASSERT_FALSE(broker) << "went through";
    EXPECT_EQ(broker.error().code, "permission_denied") << to_string(broker.error());
    EXPECT_EQ(broker.error().retry, Retry::never);
    EXPECT_EQ(broker.error().message.find("s3cret"), std::string::npos) << broker.error().message;
  }
};

TEST_F(Identity, AUserHasItsPassword) {
  start({.config = "authorization { user: me, password: \"s3cret@\" }\n", .files = {}});
  auto broker = try_open(at("me:s3cret%40@"));
  ASSERT_TRUE(broker) << to_string(broker.error());
  expect_refused(at());
  expect_refused(at("me:s3cret@"));
  const auto file = server->folder() + "/password";
  std::ofstream(file) << "s3cret@\n";
  EXPECT_TRUE(try_open(at("me@", "?password_file=" + file)).error().code == "invalid_url");  // that is a token
  EXPECT_TRUE(try_open(at("me:@", "?password_file=" + file)));
  // No secret stands in what is logged when the connection goes, either.
  server->kill();
  EXPECT_FALSE(publish(**broker, "orders", {event("a")}, {.wait_max = std::chrono::milliseconds{200}}));
  EXPECT_NE(log.text().find("***@127.0.0.1"), std::string::npos) << log.text();
  EXPECT_EQ(log.text().find("s3cret"), std::string::npos) << log.text();
}

TEST_F(Identity, ATokenIsTaken) {
  start({.config = "authorization { token: \"s3cret\" }\n", .files = {}});
  EXPECT_TRUE(try_open(at("s3cret@")));
  expect_refused(at("s3cret1@"));
  const auto file = server->folder() + "/token";
  std::ofstream(file) << "s3cret\n";
  EXPECT_TRUE(try_open(at({}, "?token_file=" + file)));
  EXPECT_EQ(try_open(at({}, "?token_file=/nowhere")).error().code, "io_error");
}

TEST_F(Identity, ASeedSigns) {
  // Of the bytes 1 to 32: a key of this test alone.
  const std::string key = "UB43KVROR7TFJ6KAPCYRF2FJROTZAH4FHLTJLPWX4DRZCC5NASLGJBFE";
  const std::string seed = "SUAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6IC5CQ";
  start({.config = "authorization { users: [ { nkey: " + key + " } ] }\n", .files = {{"seed", seed + "\n"}}});
  ASSERT_TRUE(server);
  expect_refused(at());
  auto broker = try_open(at({}, "?nkey=" + key + "&nkey_seed_file=" + server->folder() + "/seed"));
  ASSERT_TRUE(broker) << to_string(broker.error());
  EXPECT_TRUE(publish(**broker, "orders", {event("a")}));
}

}  // namespace
}  // namespace tidings::brokers::nats
