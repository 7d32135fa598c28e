#pragma once

#include "tidings/base/steady.hpp"

namespace tidings::stores::postgres {

/// Waits until the socket can be read (or written, where wanted), or has an error. False: neither is so by then.
[[nodiscard]] bool wait_for(int socket, bool reads, bool writes, SteadyTime until);

}  // namespace tidings::stores::postgres
