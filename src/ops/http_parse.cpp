#include "ops/http_parse.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "tidings/base/percent.hpp"
#include "tidings/base/strings.hpp"

namespace tidings::ops {

namespace {

constexpr std::size_t headers_max = 64;

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '!' && c <= '~'; });
}

ParsedRequest refused(int status, std::string_view why) {
  ParsedRequest parsed;
  parsed.state = ParsedRequest::State::refused;
  parsed.status = status;
  parsed.why = why;
  parsed.keeps_alive = false;
  return parsed;
}

}  // namespace

bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || others.contains(c);
  });
}

bool is_header_to_add(std::string_view name) {
  constexpr std::array<std::string_view, 5> own{"host", "connection", "content-length", "content-type",
                                                "transfer-encoding"};
  return is_token(name) && std::ranges::find(own, in_lower_case(name)) == own.end();
}

std::optional<std::string_view> HttpRequest::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (known == name) return value;
  return std::nullopt;
}

ParsedRequest parse_request(std::string_view bytes, std::size_t bytes_max, std::size_t body_bytes_max) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == bytes.npos)  // three bytes of its end may be there
    return bytes.size() > bytes_max + 3 ? refused(431, "the request's head is too large") : ParsedRequest{};
  if (end > bytes_max) return refused(431, "the request's head is too large");
  ParsedRequest parsed;
  parsed.bytes = end + 4;
  auto head = bytes.substr(0, end);
  const auto line = head.substr(0, head.find("\r\n"));
  head.remove_prefix(std::min(line.size() + 2, head.size()));

  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == line.npos || first == last) return refused(400, "the request's first line is none");
  const auto method = line.substr(0, first);
  const auto target = line.substr(first + 1, last - first - 1);
  const auto version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refused(505, "HTTP/1.1 is spoken here");
  if (!is_token(method) || !is_visible(target) || !target.starts_with('/'))
    return refused(400, "the request's first line is none");
  const auto query = target.find('?');
  auto path = percent_decoded_strictly(target.substr(0, query));
  if (!path) return refused(400, "the path is not encoded well");
  parsed.request.path = std::move(*path);
  if (query != target.npos) parsed.request.query = target.substr(query + 1);

  parsed.keeps_alive = version == "HTTP/1.1";
  std::optional<std::size_t> length;
  while (!head.empty()) {
    const auto one = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(one.size() + 2, head.size()));
    const auto colon = one.find(':');
    const auto name = one.substr(0, colon);
    if (colon == one.npos || !is_token(name)) return refused(400, "a header is none");
    const auto value = trimmed(one.substr(colon + 1), " \t");
    if (value.find_first_of(std::string_view("\0\r\n", 3)) != value.npos) return refused(400, "a header is none");
    if (parsed.request.headers.size() == headers_max) return refused(431, "too many headers");
    parsed.request.headers.emplace_back(in_lower_case(name), value);
    const auto& known = parsed.request.headers.back().first;
    if (known == "transfer-encoding") return refused(413, "a body comes with its Content-Length here");
    if (known == "content-length") {
      std::size_t bytes_of_body = 0;
      const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), bytes_of_body);
      if (error != std::errc{} || stop != value.data() + value.size() || (length && *length != bytes_of_body))
        return refused(400, "Content-Length is no number of bytes, or two of them");
      if (bytes_of_body > body_bytes_max)
        return refused(413, body_bytes_max == 0 ? "requests have no body here" : "the body is too large");
      length = bytes_of_body;
    }
    if (known == "connection") {
      const auto wanted = in_lower_case(value);
      if (wanted.contains("close")) parsed.keeps_alive = false;
      if (wanted.contains("keep-alive")) parsed.keeps_alive = true;
    }
  }
  parsed.is_head = method == "HEAD";
  const bool is_post = method == "POST" && body_bytes_max > 0;
  if (method != "GET" && method != "HEAD" && !is_post)
    return refused(405, body_bytes_max > 0 ? "GET, HEAD and POST are answered here" : "GET and HEAD are answered here");
  if (length.value_or(0) > 0) {
    if (bytes.size() - parsed.bytes < *length) return {};
    parsed.request.body = bytes.substr(parsed.bytes, *length);
    parsed.bytes += *length;
  }
  parsed.request.method = method;
  parsed.state = ParsedRequest::State::complete;
  return parsed;
}

}  // namespace tidings::ops
