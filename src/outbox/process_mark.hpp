#pragma once

#include <string>
#include <string_view>

namespace tidings::outbox {

/// Names this process so that another one of the same machine can see that it is gone: the machine's boot, the space
/// that its number counts in, the number, and when it started. Empty where the system does not say.
[[nodiscard]] std::string process_mark();

/// Whether the process so named has ended, for sure: of another machine or space nobody knows.
[[nodiscard]] bool is_gone(std::string_view mark);

}  // namespace tidings::outbox
