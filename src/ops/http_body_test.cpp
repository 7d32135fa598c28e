#include <gtest/gtest.h>

#include "ops/http_parse.hpp"

namespace tidings::ops {
namespace {

using State = ParsedRequest::State;

constexpr std::string_view head = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n";

TEST(HttpBody, IsTakenOnceItIsThere) {
  EXPECT_EQ(parse_request(head, 1000, 10).state, State::incomplete);
  EXPECT_EQ(parse_request(std::string(head) + "hell", 1000, 10).state, State::incomplete);
  const auto parsed = parse_request(std::string(head) + "helloGET /b", 1000, 10);
  ASSERT_EQ(parsed.state, State::complete);
  EXPECT_EQ(parsed.request.method, "POST");
  EXPECT_EQ(parsed.request.body, "hello");
  EXPECT_EQ(parsed.bytes, head.size() + 5);
}

TEST(HttpBody, IsRefusedBeyondItsBoundBeforeItCame) {
  EXPECT_EQ(parse_request(head, 1000, 4).status, 413);
  EXPECT_EQ(parse_request(head, 1000, 4).state, State::refused);
  EXPECT_EQ(parse_request(head, 1000).status, 413) << "where there are none";
}

TEST(HttpBody, OneLengthSaysHowLong) {
  for (const auto* const wrong :
       {"Content-Length: 5\r\nContent-Length: 6", "Content-Length: -1", "Content-Length: 5x", "Content-Length: +5",
        "Content-Length:", "Content-Length: 99999999999999999999", "Content-Length: 5, 5"})
    EXPECT_EQ(parse_request("POST /a HTTP/1.1\r\n" + std::string(wrong) + "\r\n\r\nhello", 1000, 10).status, 400)
        << wrong;
  EXPECT_EQ(parse_request("POST /a HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello", 1000, 10)
                .status,
            413);
}

TEST(HttpBody, PostIsAnsweredOnlyWhereBodiesAre) {
  EXPECT_EQ(parse_request("POST /a HTTP/1.1\r\n\r\n", 1000).status, 405);
  EXPECT_EQ(parse_request("POST /a HTTP/1.1\r\n\r\n", 1000, 10).state, State::complete);
  EXPECT_EQ(parse_request("PUT /a HTTP/1.1\r\n\r\n", 1000, 10).status, 405);
}

}  // namespace
}  // namespace tidings::ops
