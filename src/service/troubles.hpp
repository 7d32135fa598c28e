#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "tidings/base/time.hpp"

namespace tidings::service {

/// Which of a handler's troubles with its broker are told: each at once, and where it goes on, how often it has come
/// since, every ten seconds. Else a thousand keys that cannot publish on a full disk would fill what is left of it with
/// log lines. One that has not come for longer than that is as new. Thread-safe.
class Troubles {
 public:
  /// How often this has come since it was told last, with what stands in `now`; nullopt: not to be told again yet.
  /// `cause`: what could not be done, and the code of why; a message may differ each time.
  [[nodiscard]] std::optional<std::uint64_t> tell(std::string_view cause, SteadyTime now);

 private:
  struct Told {
    std::optional<SteadyTime> last;
    std::uint64_t untold = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Told, std::less<>> told_;  // bounded: what is beyond shares a place
};

/// For the end of a line: how often what it tells has come.
[[nodiscard]] std::string times_text(std::uint64_t times);

}  // namespace tidings::service
