#include "stores/postgres/url.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace tidings::stores::postgres {
namespace {

using namespace std::chrono_literals;

Error refused(std::string_view text) {
  const auto url = parse_url(text);
  EXPECT_FALSE(url) << text;
  return url ? Error{} : url.error();
}

TEST(PostgresUrl, SaysWhereAndWho) {
  const auto url = parse_url("postgres://shop%40x:a%2Fb%3Ac%25@127.0.0.1:6543/or%20ders").or_throw();
  ASSERT_EQ(url.servers.size(), 1U);
  EXPECT_EQ(url.servers[0].host, "127.0.0.1");
  EXPECT_EQ(url.servers[0].port, "6543");
  EXPECT_EQ(url.user, "shop@x");
  EXPECT_EQ(url.password, "a/b:c%");
  EXPECT_EQ(url.database, "or ders");
  EXPECT_EQ(url.isolation, Isolation::repeatable_read);
  EXPECT_EQ(url.shown(), "127.0.0.1:6543/or ders");
}

TEST(PostgresUrl, HasSeveralServersSocketsAndIpV6) {
  const auto two = parse_url("postgres://a:b@[::1]:1,localhost/db").or_throw();
  ASSERT_EQ(two.servers.size(), 2U);
  EXPECT_EQ(two.servers[0].host, "::1");
  EXPECT_EQ(two.servers[1].host, "localhost");
  EXPECT_EQ(two.servers[1].port, "5432");
  EXPECT_EQ(parse_url("postgres://%2Frun%2Fpg/db").or_throw().servers.at(0).host, "/run/pg");
  EXPECT_EQ(parse_url("postgres:///db?host=/run/pg").or_throw().servers.at(0).host, "/run/pg");
  ::unsetenv("PGHOST");
  EXPECT_EQ(parse_url("postgres:///db").or_throw().servers.at(0).host, "");
  ::setenv("PGHOST", "db.example", 1);
  EXPECT_EQ(refused("postgres:///db").code, "insecure_credentials") << "libpq would go there";
  ::unsetenv("PGHOST");
}

TEST(PostgresUrl, HasOptionsOfOursAndOfLibpq) {
  const auto url = parse_url(
                       "postgres://db.example/db?sslmode=verify-full&sslrootcert=%2Fca.pem&isolation=serializable&"
                       "connect_within=3s&answer_within=1min")
                       .or_throw();
  EXPECT_EQ(url.options,
            (std::vector<std::pair<std::string, std::string>>{{"sslmode", "verify-full"}, {"sslrootcert", "/ca.pem"}}));
  EXPECT_EQ(url.isolation, Isolation::serializable);
  EXPECT_EQ(url.connect_within, 3s);
  EXPECT_EQ(url.answer_within, 1min);
  EXPECT_NE(refused("postgres://h/db?sslmod=require").message.find("is sslmode meant?"), std::string::npos);
  for (const auto* const option :
       {"hostaddr=10.0.0.1", "service=x", "client_encoding=LATIN1", "password=x", "host=other", "isolation=none",
        "allow_plaintext=1", "answer_within=never", "connect_within=0s", "sslmode=%zz"})
    EXPECT_EQ(refused("postgres://localhost/db?" + std::string(option)).code, "invalid_url") << option;
}

TEST(PostgresUrl, APasswordDoesNotGoReadableOverANetwork) {
  for (const auto* const there : {"postgres://a:b@db.example/db", "postgres://a:b@localhost,10.0.0.7/db",
                                  "postgres://a:b@db.example/db?sslmode=prefer", "postgres://db.example/db",
                                  "postgres://a:b@db.example/db?sslmode=disable&allow_plaintext=false"})
    EXPECT_EQ(refused(there).code, "insecure_credentials") << there;
  for (const auto* const fine :
       {"postgres://a:b@db.example/db?sslmode=require", "postgres://a:b@db.example/db?sslmode=verify-full",
        "postgres://a:b@db.example/db?allow_plaintext=true", "postgres://a:b@127.0.0.2/db", "postgres://a:b@[::1]/db",
        "postgres://a:b@%2Frun%2Fpg/db"})
    EXPECT_TRUE(parse_url(fine)) << fine;
}

TEST(PostgresUrl, ThePasswordIsInNoMessage) {
  for (const auto* const text :
       {"postgres://me:sesame@h/", "postgres://me:sesame@h:x/db", "postgres://me:ses%me@h/db",
        "postgres://:sesame@h/db", "postgres://me:sesame@db.example/db", "postgres://me:sesa/me@h/db",
        "postgres://me:sesa?me@h/db", "postgres://me:ses@ame@h/db?x=y", "postgres://h/db?sslpassword=sesame&x=y",
        "postgres://me:sesame@h/db?q"}) {
    const auto why = refused(text);
    for (const auto* const part : {"sesame", "ses%me", "sesa", "ame@"})
      EXPECT_EQ(to_string(why).find(part), std::string::npos) << to_string(why);
  }
  EXPECT_EQ(parse_url("postgres://me:sesame@localhost/db").or_throw().shown().find("sesame"), std::string::npos);
}

TEST(PostgresUrl, APasswordMayStandInAFile) {
  const auto file = std::filesystem::temp_directory_path() / ("tidings-password-" + std::to_string(::getpid()));
  std::ofstream(file) << "sesame\nmore\n";
  EXPECT_EQ(parse_url("postgres://me@localhost/db?password_file=" + file.string()).or_throw().password, "sesame");
  EXPECT_EQ(refused("postgres://me:x@localhost/db?password_file=" + file.string()).code, "invalid_url");
  std::filesystem::remove(file);
  EXPECT_EQ(refused("postgres://me@localhost/db?password_file=" + file.string()).code, "io_error");
}

}  // namespace
}  // namespace tidings::stores::postgres
