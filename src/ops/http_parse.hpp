#pragma once

#include <string_view>

#include "tidings/ops/http.hpp"

namespace tidings::ops {

/// As the names of methods and headers are: https://www.rfc-editor.org/rfc/rfc9110#name-tokens.
[[nodiscard]] bool is_token(std::string_view text);

/// A name that a client may give a header of a request which has a body: none of those that are of the connection or
/// the body.
[[nodiscard]] bool is_header_to_add(std::string_view name);

/// The head of a request, RFC 9112, as far as a server that takes no upgrades needs it.
struct ParsedRequest {
  enum class State { incomplete, complete, refused };
  State state = State::incomplete;
  int status = 400;  ///< of a refused one
  std::string_view why;
  std::size_t bytes = 0;  ///< it took
  bool is_head = false;   ///< HEAD, whose answer has no body
  bool keeps_alive = true;
  HttpRequest request;
};
[[nodiscard]] ParsedRequest parse_request(std::string_view bytes, std::size_t bytes_max,
                                          std::size_t body_bytes_max = 0);

}  // namespace tidings::ops
