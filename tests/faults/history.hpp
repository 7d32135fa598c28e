#pragma once

#include <compare>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/result.hpp"

namespace tidings::faults {

/// An event of a run: the `number`-th of its key. Its id says both.
struct Event {
  std::uint32_t key = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const Event&, const Event&) = default;
};

/// `7-12`.
[[nodiscard]] std::string id_of(const Event& event);
/// Error `invalid_event`.
[[nodiscard]] Result<Event> event_of(std::string_view id);

struct Spot {
  std::uint32_t partition = 0;
  std::uint64_t offset = 0;
  friend auto operator<=>(const Spot&, const Spot&) = default;
};

/// What happened, in the order in which it was seen.
struct Step {
  enum class What : char {
    acknowledged = 'a',  ///< the event stands at `spot`, says the broker
    unknown = 'u',       ///< it may be there by a try
    refused = 'r',       ///< it is not there by a try
    handed = 'h',        ///< a member has it: its handler begins
    done = 'd',          ///< the handlers of all that the member has are through; it settles next
    settled = 't',       ///< what was done last is settled, says the broker
    killed = 'k',        ///< the member is no more, whatever it had
    hung = 's',          ///< the member stands still, whatever it has
    stored = 'f',        ///< a reader found it at `spot` when all was over
  };
  What what{};
  std::uint32_t member = 0;  ///< of `handed` to `hung`
  Event event{};
  Spot spot{};
};

/// A line of a file, for members in processes of their own.
[[nodiscard]] std::string to_line(const Step& step);
/// Error `invalid_event`.
[[nodiscard]] Result<Step> step_of(std::string_view line);
/// What such a file has. Errors `io_error`, `invalid_event`.
[[nodiscard]] Result<std::vector<Step>> read_steps(const std::string& path);

/// What a run came to.
struct Verdict {
  std::vector<std::string> wrong;  ///< sentences, a few of each kind
  std::uint64_t acknowledged = 0;  ///< events
  std::uint64_t unknown = 0;       ///< tries
  std::uint64_t refused = 0;       ///< tries
  std::uint64_t handed = 0;        ///< deliveries
  std::uint64_t stored = 0;        ///< places
  std::uint64_t stored_again = 0;  ///< places whose event stands elsewhere too: the publisher's duplicates
  std::uint64_t handed_again = 0;  ///< deliveries of a place that was handed out before
  std::uint64_t overlaps = 0;      ///< times that a member had a partition beside one that was hung

  [[nodiscard]] std::string figures() const;
};

/// Judges a run that is over: what was acknowledged stands at its place and was handled to the end; what was refused,
/// and nothing else, stands nowhere; each place has one event; a key's events stand, and were handed out, in the order
/// of their numbers, but for repeats; all that stands was handled; no two members had one partition at once, but for
/// one that was hung or killed meanwhile; what was settled came to nobody again.
[[nodiscard]] Verdict judge(std::span<const Step> steps);

/// Takes down what threads see. Thread-safe.
class History {
 public:
  void add(std::span<const Step> steps) {
    const std::scoped_lock lock(mutex_);
    steps_.insert(steps_.end(), steps.begin(), steps.end());
  }
  void add(const Step& step) { add({&step, 1}); }
  [[nodiscard]] std::vector<Step> steps() const {
    const std::scoped_lock lock(mutex_);
    return steps_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Step> steps_;
};

}  // namespace tidings::faults
