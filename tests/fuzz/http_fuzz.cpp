// Requests, as the small HTTP server of a service and of the dashboard reads them.
#include "fuzzing.hpp"
#include "ops/http_parse.hpp"

namespace tidings::fuzzing {

using ops::ParsedRequest;
using State = ParsedRequest::State;

constexpr std::size_t head_bytes_max = 4'096;
constexpr std::size_t body_bytes_max = 1'024;

void try_input(Bytes input) {
  const auto bytes = Input(input).copy();
  const auto text = text_of(bytes);
  const auto parsed = ops::parse_request(text, head_bytes_max, body_bytes_max);
  (void)ops::parse_request(text, head_bytes_max);
  require(parsed.state == State::incomplete || parsed.state == State::complete || parsed.status >= 400,
          "what is refused has a status that says so");
  if (parsed.state != State::complete) return;
  const auto& request = parsed.request;
  require(parsed.bytes <= text.size() && parsed.bytes <= head_bytes_max + 4 + body_bytes_max, "it took what it had");
  require(request.path.starts_with('/'), "a path begins with a slash");
  require(request.headers.size() <= 64, "headers are bounded");
  require(request.body.size() <= body_bytes_max, "a body is bounded");
  require(parsed.is_head || request.method == "GET" || request.method == "POST", "other methods are refused");
  require(!request.header("transfer-encoding"), "chunks are refused");
  for (const auto& [name, value] : request.headers) {
    require(value.find_first_of(std::string_view("\0\r\n", 3)) == value.npos, "a header's value is one line");
    require(request.header(name).has_value(), "a header that came is found");
  }
  // What comes behind it is the next request's, and what is cut off is waited for: however the bytes come in.
  const auto alone = ops::parse_request(text.substr(0, parsed.bytes), head_bytes_max, body_bytes_max);
  require(alone.state == State::complete && alone.bytes == parsed.bytes && alone.request.body == request.body &&
              alone.request.headers == request.headers && alone.request.path == request.path,
          "it is the same alone");
  for (std::size_t left_out = 1; left_out <= parsed.bytes; left_out = left_out * 2 + 1)
    require(ops::parse_request(text.substr(0, parsed.bytes - left_out), head_bytes_max, body_bytes_max).state ==
                State::incomplete,
            "a part of it is waited for");
}

std::vector<std::string> seeds() {
  return {"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9464\r\nAccept: text/plain\r\n\r\n",
          "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /readyz HTTP/1.1\r\n\r\n",
          "POST /api/v1/events?dry%20run=1 HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
          "GET /%2e%2e/%00 HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 00\r\n\r\n",
          "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"};
}

}  // namespace tidings::fuzzing
