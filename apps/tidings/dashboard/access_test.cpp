#include "dashboard/access.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "describe/json_tree.hpp"

namespace tidings::cli {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

ops::HttpRequest get(const std::string& path, Headers headers = {}) {
  ops::HttpRequest request;
  request.path = path;
  request.headers = std::move(headers);
  if (!request.header("host")) request.headers.emplace_back("host", "127.0.0.1:7077");
  return request;
}
ops::HttpRequest post(const std::string& path, Headers headers = {}) {
  auto request = get(path, std::move(headers));
  request.method = "POST";
  return request;
}
Headers action(Headers more = {}) {
  more.emplace_back("content-type", "application/json");
  more.emplace_back("x-tidings-action", "1");
  return more;
}
/// Its code; empty where it is not refused.
std::string refusal(const Access& access, const ops::HttpRequest& request) {
  const auto answer = access.refusal(request);
  if (!answer) return "";
  const auto tree = parse_json_tree(answer->body).value();
  return tree.find("error")->find("code")->scalar;
}

const Access plain({.listen_host = "127.0.0.1"});
const Access acting({.listen_host = "127.0.0.1", .allows_actions = true});
const std::string secret = "0123456789abcdef";
const Access guarded({.listen_host = "0.0.0.0", .token = secret, .is_tls = true, .allows_actions = true});

TEST(Access, AnotherNameThatPointsHereIsRefused) {
  for (const auto* const host : {"localhost:7077", "LOCALHOST", "127.0.0.1:7077", "127.8.8.8", "[::1]:7077"})
    EXPECT_EQ(refusal(plain, get("/api/v1/overview", {{"host", host}})), "") << host;
  for (const auto* const host :
       {"evil.example", "evil.example:7077", "127.0.0.1.evil.example", "localhost.evil.example:7077", "", "[::1",
        "10.0.0.1:7077", "0.0.0.0:7077", "[::1]evil.example", "[::1].evil.example:7077", "localhost:evil.example",
        "localhost:7077:evil.example", "127.0.0.1:7077@evil.example"})
    for (const auto* const path : {"/api/v1/overview", "/", "/login"})
      EXPECT_EQ(refusal(plain, get(path, {{"host", host}})), "wrong_host") << host << path;
  auto twice = get("/", {{"host", "localhost"}, {"host", "evil.example"}});
  EXPECT_EQ(refusal(plain, twice), "wrong_host");
  ops::HttpRequest none;
  none.path = "/";
  EXPECT_EQ(refusal(plain, none), "wrong_host");
}

TEST(Access, TheNameOfListenIsAnsweredTo) {
  const Access named({.listen_host = "ops.example", .token = secret});
  EXPECT_EQ(refusal(named, get("/", {{"host", "OPS.example:7077"}})), "");
  EXPECT_EQ(refusal(named, get("/", {{"host", "10.0.0.1:7077"}})), "wrong_host");
  EXPECT_EQ(refusal(guarded, get("/", {{"host", "10.0.0.1:7077"}})), "") << "it listens on any address";
  EXPECT_EQ(refusal(guarded, get("/", {{"host", "evil.example"}})), "wrong_host");
}

TEST(Access, WhatAnotherSiteAsksForIsRefused) {
  for (const auto* const site : {"cross-site", "same-site", "nonsense"})
    EXPECT_EQ(refusal(plain, get("/api/v1/overview", {{"sec-fetch-site", site}})), "cross_site") << site;
  for (const auto* const origin :
       {"http://evil.example", "null", "https://127.0.0.1:7077", "http://127.0.0.1:7078", "http://127.0.0.1"}) {
    EXPECT_EQ(refusal(plain, get("/api/v1/stream", {{"origin", origin}})), "cross_site") << origin;
    EXPECT_EQ(refusal(acting, post("/api/v1/pause", action({{"origin", origin}}))), "cross_site") << origin;
    EXPECT_EQ(refusal(acting, post("/login", {{"origin", origin}})), "cross_site") << origin;
  }
  EXPECT_EQ(
      refusal(plain, get("/api/v1/overview", {{"sec-fetch-site", "same-origin"}, {"origin", "http://127.0.0.1:7077"}})),
      "");
  EXPECT_EQ(refusal(plain, get("/api/v1/overview", {{"sec-fetch-site", "none"}})), "") << "somebody typed it";
  // A link from elsewhere opens the page, and nothing of it may be embedded.
  EXPECT_EQ(refusal(plain, get("/", {{"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "navigate"}})), "");
  EXPECT_EQ(refusal(plain, get("/page.js", {{"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "no-cors"}})),
            "cross_site");
}

TEST(Access, AFormOfAnotherSiteIsNoAction) {
  EXPECT_EQ(refusal(acting, post("/api/v1/pause", action())), "");
  EXPECT_EQ(refusal(acting, post("/api/v1/pause", {{"content-type", "application/json"}})), "cross_site");
  EXPECT_EQ(refusal(acting, post("/api/v1/pause", {{"x-tidings-action", "1"}, {"content-type", "text/plain"}})),
            "cross_site");
  EXPECT_EQ(refusal(acting, post("/api/v1/pause",
                                 {{"x-tidings-action", "1"}, {"content-type", "application/json; charset=utf-8"}})),
            "");
}

TEST(Access, OnlyWhereItIsAllowedItActs) {
  EXPECT_EQ(refusal(plain, post("/api/v1/pause", action())), "read_only");
  EXPECT_EQ(refusal(plain, post("/api/v1/anything", action())), "read_only");
}

TEST(Access, WithoutItsTokenNothingIsTold) {
  const Headers host{{"host", "10.0.0.1"}};
  const auto with = [&](Headers more) {
    more.insert(more.end(), host.begin(), host.end());
    return more;
  };
  EXPECT_EQ(refusal(guarded, get("/api/v1/session", host)), "unauthorized");
  EXPECT_EQ(refusal(guarded, get("/api/v1/stream", with({{"authorization", "Bearer 0123456789abcdeX"}}))),
            "unauthorized");
  EXPECT_EQ(refusal(guarded, get("/api/v1/stream", with({{"authorization", "Bearer "}}))), "unauthorized");
  EXPECT_EQ(refusal(guarded, get("/api/v1/stream", with({{"cookie", "tidings_token="}}))), "unauthorized");
  EXPECT_EQ(refusal(guarded, get("/api/v1/stream", with({{"cookie", "xtidings_token=" + secret}}))), "unauthorized");
  EXPECT_EQ(refusal(guarded, get("/api/v1/stream", with({{"authorization", "Bearer " + secret}}))), "");
  EXPECT_EQ(refusal(guarded, get("/api/v1/stream", with({{"cookie", "a=b; tidings_token=" + secret}}))), "");
  EXPECT_EQ(refusal(guarded, post("/api/v1/pause", action(host))), "unauthorized");
  EXPECT_EQ(refusal(guarded, get("/", host)), "") << "the page itself tells nothing, and asks for the token";
}

TEST(Access, LoggingInGivesACookieThatNoScriptReads) {
  auto request = post("/login");
  request.body = "token=0123456789abcdef";
  const auto in = guarded.log_in(request);
  EXPECT_EQ(in.status, 303);
  const auto cookie =
      std::ranges::find(in.headers, "Set-Cookie", [](const auto& one) { return std::string_view(one.first); });
  ASSERT_NE(cookie, in.headers.end());
  for (const auto* const word : {"HttpOnly", "SameSite=Strict", "Secure"})
    EXPECT_NE(cookie->second.find(word), std::string::npos) << word;
  request.body = "token=wrong";
  const auto out = guarded.log_in(request);
  EXPECT_EQ(out.headers, (Headers{{"Location", "./?denied=1"}})) << "and no cookie";
}

TEST(Access, SecretsAreComparedWhole) {
  EXPECT_TRUE(are_same_secret("abc", "abc"));
  EXPECT_FALSE(are_same_secret("abc", "abd"));
  EXPECT_FALSE(are_same_secret("ab", "abc"));
  EXPECT_FALSE(are_same_secret("abcabc", "abc"));
  EXPECT_FALSE(are_same_secret("", ""));
}

TEST(Access, QueriesAreDecoded) {
  const Query query("topic=a&topic=b%2Bc&key=x+y&empty=&type=%E2%82%AC");
  EXPECT_EQ(query.all("topic"), (std::vector<std::string>{"a", "b+c"}));
  EXPECT_EQ(query.get("key"), "x y");
  EXPECT_EQ(query.get("type"), "€");
  EXPECT_TRUE(query.all("empty").empty());
  EXPECT_EQ(query.get("none"), "");
}

}  // namespace
}  // namespace tidings::cli
