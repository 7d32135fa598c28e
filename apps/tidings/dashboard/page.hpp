#pragma once

#include "tidings/ops/http.hpp"

namespace tidings::cli {

/// Adds the page and its files, as they were built into this program; where it was built without, a text that says so.
void serve_page(ops::HttpServer& server);

}  // namespace tidings::cli
