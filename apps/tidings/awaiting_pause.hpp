#pragma once

#include <cstddef>
#include <functional>

#include "tidings/service/pausing.hpp"

namespace tidings::cli {

/// What came of asking to pause, or to go on.
struct PauseOutcome {
  enum class End {
    all,          ///< who holds anything has answered
    nobody,       ///< nobody runs
    not_all,      ///< `silence` says who did not within the time
    interrupted,  ///< `goes_on` said no
  };
  End end = End::all;
  Pausing::Silence silence;
};

/// Waits until all have answered, nobody is there, or it is over. `on_answer` false ends it as interrupted. Errors: the
/// broker's.
[[nodiscard]] Result<PauseOutcome> await_pause(Pausing& asked, Duration deadline,
                                               const std::function<bool(const PauseAnswer&)>& on_answer,
                                               const std::function<bool()>& goes_on);

}  // namespace tidings::cli
