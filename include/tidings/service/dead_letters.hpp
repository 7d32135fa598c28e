#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/broker/broker.hpp"
#include "tidings/service/names.hpp"

namespace tidings {

/// Which dead letters are meant. A key's parked events belong together, and stand behind the first of them: that one is
/// looked at. Events without order are looked at one by one.
struct DeadLetterFilter {
  std::optional<std::string> key;
  std::optional<std::string> code;         ///< why, as the header `tidings-dead-code` says
  std::optional<TimePoint> parked_before;  ///< earlier than this
  std::optional<TimePoint> parked_after;   ///< at this time or later
};

/// What is to be done with dead letters of a group. It travels in the topic `tidings.control`, and the process that
/// owns a partition carries it out there.
struct DeadLetterRequest {
  enum class Action { redrive, drop };
  std::string group;  ///< as the broker has it, with the namespace
  Action action = Action::redrive;
  DeadLetterFilter filter;
  /// Of `drop`: only the first event of a key; what stands behind it is driven again.
  bool only_first = false;
  /// What is parked later is not meant: one past the last dead letter of each partition. `request` sets it.
  std::vector<std::uint64_t> ends;
};

/// A parked event as it is told to people.
struct DeadLetter {
  Delivery delivery;  ///< of the topic of dead letters: the envelope with our headers
  std::string_view topic, code, reason;
  Partition partition;
  Offset offset;  ///< where the event stood
  int attempts = 0;
  TimePoint parked{};
  bool blocks = false;            ///< later events of its key are parked behind it
  std::optional<Offset> follows;  ///< the parked event of its key that it was parked behind
};

/// Where an event stood, as a group's dead letters name it.
struct DeadLetterPlace {
  std::string topic;  ///< as the broker has it, with the namespace
  Partition partition;
  Offset offset;
  friend auto operator<=>(const DeadLetterPlace&, const DeadLetterPlace&) = default;
};

/// What became of one that was parked, the last time that it was.
enum class DeadLetterEnd {
  none,      ///< it was never parked, or is as far as the journal tells
  redriven,  ///< it was driven again, and handled
  dropped,   ///< somebody gave it up: it was not handled
};

/// What became of a group's parked events of one partition. `parked = open() + redriven + dropped`, and is what the
/// group's record of that topic counts as parked.
struct DeadLetterCounts {
  std::string topic;
  Partition partition;
  std::uint64_t parked = 0;    ///< events that ever were
  std::uint64_t redriven = 0;  ///< and were handled then
  std::uint64_t dropped = 0;
  std::uint64_t blocked_keys = 0;
  [[nodiscard]] std::uint64_t open() const { return parked - redriven - dropped; }
};

/// How far a request is.
struct DeadLetterProgress {
  std::size_t partitions = 0;  ///< that have anything to do
  std::size_t begun = 0;
  std::size_t done = 0;
  std::uint64_t redriven = 0;
  std::uint64_t dropped = 0;
  std::uint64_t failed = 0;             ///< and parked again
  std::vector<std::string> given_up{};  ///< why, of partitions that were
};

/// A group's dead letters, as they stand in its topic. For tools; not thread-safe. The broker outlives it.
///
/// Memory: some 100 bytes for each blocked key, and for each open event without order; the events themselves are read
/// when they are shown.
class DeadLetters {
 public:
  /// Reads all that there is. Errors: `unknown_topic` where nothing was ever parked; the broker's.
  static Result<DeadLetters> read(Broker& broker, std::string group);
  /// What became of each of these, in their order, in the group. Reads all that there is, and gives each entry to
  /// `visit`; `goes_on` is asked now and then. Errors: those of `read`, `interrupted` (same call) where it does not.
  [[nodiscard]] static Result<std::vector<DeadLetterEnd>> ends_of(
      Broker& broker, std::string group, const std::vector<DeadLetterPlace>& places,
      const std::function<bool()>& goes_on, const std::function<void(const Delivery&)>& visit = {});
  DeadLetters(DeadLetters&&) noexcept;
  DeadLetters& operator=(DeadLetters&&) noexcept;
  ~DeadLetters();

  [[nodiscard]] std::vector<DeadLetterCounts> counts() const;
  /// The open ones that `request` means, key by key in their order as they were parked, partition by partition; with
  /// what stands behind them in their key. `visit` ends it by returning false.
  Result<> for_each(const DeadLetterRequest& request, const std::function<bool(const DeadLetter&)>& visit);

  /// Publishes the request, of what this has read. Its id.
  Result<std::string> publish(DeadLetterRequest request, std::string_view name_space);
  /// Reads on, and tells how far a request is that was published by this.
  Result<DeadLetterProgress> progress();
  /// Whether a live member of the group holds any of the partitions that the request has to do with.
  Result<bool> is_anybody_there();

  class Impl;

 private:
  explicit DeadLetters(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidings
