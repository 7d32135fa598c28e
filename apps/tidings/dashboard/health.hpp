#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/time.hpp"
#include "tidings/broker/types.hpp"

namespace tidings::cli {

/// How a group does on a topic, from the best to the worst.
enum class Doing {
  idle,     ///< nothing to do
  ok,       ///< it keeps up
  behind,   ///< its lag grows, or takes more than ten seconds to work off
  stalled,  ///< it has events to come, members too, and does not move
  down,     ///< events wait, or it was there before, and nobody holds its partitions
};
[[nodiscard]] std::string_view name_of(Doing doing);

/// What one look says of a group.
struct Judgement {
  Doing doing = Doing::idle;
  std::string reason;         ///< a sentence without its full stop; empty where all is well
  TimePoint since{};          ///< it has been so
  double handled_rate = 0;    ///< a second, over the last five seconds
  double parked_rate = 0;     ///< likewise
  std::optional<double> eta;  ///< seconds to work off the lag at that rate; none: it does not get on
};

/// Judges a group by what is seen of it, look after look. Memory: that of some twelve looks, and of its partitions.
class GroupHealth {
 public:
  /// `paused`: why, where it is told to pause.
  Judgement look(const GroupInfo& group, SteadyTime at, TimePoint now, std::string_view paused = {});

 private:
  struct Look {
    SteadyTime at{};
    std::uint64_t handled = 0, parked = 0, lag = 0;
  };
  struct Part {
    std::uint64_t mark = 0;  // changes whenever anything is settled
    SteadyTime moved{};
  };
  [[nodiscard]] Judgement judge(const GroupInfo& group, SteadyTime at, std::string_view paused);

  std::deque<Look> looks_;
  std::vector<Part> parts_;
  bool was_held_ = false;
  std::optional<Doing> before_;
  TimePoint since_{};
};

}  // namespace tidings::cli
