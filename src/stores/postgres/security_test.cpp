// Over TLS, with certificates of the test's own.
#include <fstream>
#include <iterator>

#include "stores/postgres/testing.hpp"
#include "testing/servers/certificates.hpp"

namespace tidings::stores::postgres {
namespace {

using tidings::testing::Certificates;

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(PostgresSecurity, ALinkIsAsSafeAsTheUrlWantsIt) {
  TIDINGS_NEEDS_SERVER(tidings::testing::postgres_is_there());
  const auto certificates = Certificates::make().or_throw();
  certificates.add("server", {}).or_throw();
  const auto server = tidings::testing::start_postgres_server(
      {.config = "ssl = on\nssl_cert_file = '{folder}/server.pem'\nssl_key_file = '{folder}/server.key'\n",
       .access = "hostssl all plain 127.0.0.1/32 password\nhostnossl all all 127.0.0.1/32 reject\n",
       .files = {{"server.pem", text_of(certificates.certificate("server"))},
                 {"server.key", text_of(certificates.key("server"))}}});
  ASSERT_TRUE(server) << to_string(server.error());
  const auto with = [&](const std::string& options) {
    return open_store(tidings::testing::postgres_url(**server) + "?" + options);
  };
  const auto ca = "&sslrootcert=" + certificates.certificate("ca");
  const auto whole = with("sslmode=verify-full" + ca);
  ASSERT_TRUE(whole) << to_string(whole.error());
  auto tx = (*whole)->begin(30s).or_throw();
  EXPECT_EQ(tx->query_one<bool>("select ssl from pg_stat_ssl where pid = pg_backend_pid()").or_throw(), true);
  const auto foreign = with("sslmode=verify-ca&sslrootcert=" + certificates.certificate("foreign-ca"));
  EXPECT_EQ(foreign.error().code, "permission_denied") << to_string(foreign.error());
  const auto open_link = with("sslmode=disable");
  EXPECT_EQ(open_link.error().code, "permission_denied") << to_string(open_link.error());
}

}  // namespace
}  // namespace tidings::stores::postgres
