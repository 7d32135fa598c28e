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
  EXPECT_TRUE(try_open(at("me@", "?password_file=" + file)));
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

/// An operator, its accounts, of which one has JetStream, and a user of that, signed by keys of this test alone; none
/// of them expires. The user's key is that of ASeedSigns.
namespace decentralized {
constexpr std::string_view operator_jwt =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiJvcGVyYXRvciIsImlhdCI6MTcwMDAwMDAwMCwiaXNzIjoiT0I0M"
    "0tWUk9SN1RGSjZLQVBDWVJGMkZKUk9UWkFINEZITFRKTFBXWDREUlpDQzVOQVNMR0lUMjUiLCJuYW1lIjoib3BlcmF0b3IiLCJzdWIiOiJPQ"
    "jQzS1ZST1I3VEZKNktBUENZUkYyRkpST1RaQUg0RkhMVEpMUFdYNERSWkNDNU5BU0xHSVQyNSIsIm5hdHMiOnsidHlwZSI6Im9wZXJhdG9yI"
    "iwidmVyc2lvbiI6Mn19.0aEV8vqEO_z0w_Irmez5CEU3lY3-ofJ6EoKBQaJWOfzFFFbfbUyeHoTCYTQKTEo3621cAc16U5RmLDvKfLJrBw";
constexpr std::string_view account = "ABB43QBD2IWV7HQQPUNANE2FPU25DUIOW7JBY4QRSL2W6XPEAZS5GADJ";
constexpr std::string_view account_jwt =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiJhY2NvdW50IiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJPQjQzS"
    "1ZST1I3VEZKNktBUENZUkYyRkpST1RaQUg0RkhMVEpMUFdYNERSWkNDNU5BU0xHSVQyNSIsIm5hbWUiOiJhY2NvdW50Iiwic3ViIjoiQUJCN"
    "DNRQkQySVdWN0hRUVBVTkFORTJGUFUyNURVSU9XN0pCWTRRUlNMMlc2WFBFQVpTNUdBREoiLCJuYXRzIjp7ImxpbWl0cyI6eyJzdWJzIjotM"
    "SwiZGF0YSI6LTEsInBheWxvYWQiOi0xLCJpbXBvcnRzIjotMSwiZXhwb3J0cyI6LTEsIndpbGRjYXJkcyI6dHJ1ZSwiY29ubiI6LTEsImxlY"
    "WYiOi0xLCJtZW1fc3RvcmFnZSI6LTEsImRpc2tfc3RvcmFnZSI6LTEsInN0cmVhbXMiOi0xLCJjb25zdW1lciI6LTF9LCJ0eXBlIjoiYWNjb"
    "3VudCIsInZlcnNpb24iOjJ9fQ.fDx6QFlQzpy2E9Rwr98Qfi7i4wfY3Hb3seWC7acbjIoe4UT7uoW_7vzXVNknVHN6PzIG6hN81PDjB13MAh"
    "BzDg";
constexpr std::string_view system_account = "ABEB5XTXFWQVPBOJ4WNAQYQBXDB7TQYHCKPD7RWX6NFKJX7NLAKOK7LY";
constexpr std::string_view system_jwt =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiJzeXN0ZW0iLCJpYXQiOjE3MDAwMDAwMDAsImlzcyI6Ik9CNDNLV"
    "lJPUjdURko2S0FQQ1lSRjJGSlJPVFpBSDRGSExUSkxQV1g0RFJaQ0M1TkFTTEdJVDI1IiwibmFtZSI6InN5c3RlbSIsInN1YiI6IkFCRUI1W"
    "FRYRldRVlBCT0o0V05BUVlRQlhEQjdUUVlIQ0tQRDdSV1g2TkZLSlg3TkxBS09LN0xZIiwibmF0cyI6eyJsaW1pdHMiOnsic3VicyI6LTEsI"
    "mRhdGEiOi0xLCJwYXlsb2FkIjotMSwiaW1wb3J0cyI6LTEsImV4cG9ydHMiOi0xLCJ3aWxkY2FyZHMiOnRydWUsImNvbm4iOi0xLCJsZWFmI"
    "jotMX0sInR5cGUiOiJhY2NvdW50IiwidmVyc2lvbiI6Mn19.TTIjNmdlsa4JyaBZ-PXv0LuYF98-nVP8eslwscPwWyo0f-YduRccYo-g9pkV"
    "pezvSa1whqR70R5rBP_PyUQqBA";
constexpr std::string_view user_jwt =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJqdGkiOiJ1c2VyIiwiaWF0IjoxNzAwMDAwMDAwLCJpc3MiOiJBQkI0M1FCR"
    "DJJV1Y3SFFRUFVOQU5FMkZQVTI1RFVJT1c3SkJZNFFSU0wyVzZYUEVBWlM1R0FESiIsIm5hbWUiOiJ1c2VyIiwic3ViIjoiVUI0M0tWUk9SN"
    "1RGSjZLQVBDWVJGMkZKUk9UWkFINEZITFRKTFBXWDREUlpDQzVOQVNMR0pCRkUiLCJuYXRzIjp7InB1YiI6e30sInN1YiI6e30sInN1YnMiO"
    "i0xLCJkYXRhIjotMSwicGF5bG9hZCI6LTEsInR5cGUiOiJ1c2VyIiwidmVyc2lvbiI6Mn19.z_mXzHOPzCJ2kL7m_3WI1dCdsy0EHauDXaem"
    "D1X87y6PJb6iTynRGje1XZ1diXssgR1c57Iqo9Du-BE0h6q5CQ";

std::string config() {
  std::string text = "operator: ";
  text.append(operator_jwt).append("\nresolver: MEMORY\nsystem_account: ").append(system_account);
  text.append("\nresolver_preload: { ").append(account).append(": ").append(account_jwt).append(", ");
  text.append(system_account).append(": ").append(system_jwt).append(" }\n");
  return text;
}
/// As `nsc` writes it.
std::string credentials(std::string_view jwt) {
  return "-----BEGIN NATS USER JWT-----\n" + std::string(jwt) +
         "\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n"
         "SUAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6IC5CQ\n------END USER NKEY SEED------\n";
}
}  // namespace decentralized

TEST_F(Identity, ACredentialsFileSaysWhoThisIs) {
  auto forged = std::string(decentralized::user_jwt);
  forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';  // in its signature
  start({.config = decentralized::config(),
         .files = {{"user.creds", decentralized::credentials(decentralized::user_jwt)},
                   {"forged.creds", decentralized::credentials(forged)}}});
  ASSERT_TRUE(server);
  expect_refused(at());
  expect_refused(at({}, "?creds=" + server->folder() + "/forged.creds"));
  auto broker = try_open(at({}, "?creds=" + server->folder() + "/user.creds"));
  ASSERT_TRUE(broker) << to_string(broker.error());
  EXPECT_TRUE(publish(**broker, "orders", {event("a")}));
  EXPECT_FALSE(try_open(at({}, "?creds=/nowhere.creds")));
}

}  // namespace
}  // namespace tidings::brokers::nats
