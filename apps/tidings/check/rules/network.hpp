#pragma once

#include <optional>

#include "check/facts.hpp"

// Calls of other programs over HTTP: of cpp-httplib, libcurl and cpr.
namespace tidings::check {

struct HttpCall {
  bool is_bounded = false;  ///< it ends by itself, or nobody can tell
  bool adds = false;        ///< a POST or a PATCH: what it does is there twice where it comes twice
};

/// `within`: what else is run, where options of libcurl may stand. None: it is no such call, or that is not certain.
[[nodiscard]] std::optional<HttpCall> http_call(const Code& code, const File& file, const Call& call, Range within);

}  // namespace tidings::check
