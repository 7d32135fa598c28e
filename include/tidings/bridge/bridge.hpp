#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/log_sink.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings {

/// The header of an event that a bridge mirrored: `NAME PARTITION OFFSET` of where it stood.
inline constexpr std::string_view bridged_header = "tidings-bridged";

struct BridgeOptions {
  /// Two bridges of one name, one each way, do not send back what the other brought. Where it was the bridge keeps at
  /// the source, as the group `tidings.bridge.NAME`.
  std::string name = "bridge";
  /// None: every topic, also later ones, but those that services keep for themselves: `*.dead-letters`, `*.replies`,
  /// and `tidings.…` in whatever namespace.
  std::vector<std::string> topics;
  /// Of topics that are made at the target; 0: as at the source. Keys keep their order either way. These have the
  /// durability and the largest event of the source's, where the target can have them, and no retention.
  std::uint32_t partitions = 0;
  bool follow = true;  ///< else it ends where the source ended when it began
  LogSink* log = &stderr_log();
};

struct BridgedTopic {
  std::string topic;
  std::uint64_t mirrored = 0;           ///< by this bridge, what the target had already included
  std::uint64_t left_out = 0;           ///< which the bridge of that name had brought from the target
  std::optional<std::uint64_t> behind;  ///< events that are to come yet; none: the source does not say just now
  std::string trouble;                  ///< why it does not go on just now
};

/// Mirrors topics of one broker to another while events flow: ids, payloads and headers as they are, with one header
/// more, and the events of a key in their order. After a kill it goes on without a gap. What it sends twice then is
/// there once where the target knows producers (`Capabilities::producers`), else twice with one id.
///
/// `run` is called once; everything else is thread-safe. Both brokers outlive it.
class Bridge {
 public:
  Bridge(Broker& from, Broker& to, BridgeOptions options);
  ~Bridge();
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

  /// Until `stop`, or to the end. While a broker is away it waits for it. Errors: `invalid_name`, `unknown_topic`,
  /// `unsupported` (never: dead letters, or a topic of Tidings' own), those of joining its group, and what the target
  /// refuses for what it is, as `too_large`, or `source_changed` where the source's topic was made anew and its events
  /// would count as repeats of the first one's (never): that topic has stopped there, with nothing left out.
  Result<> run(const std::stop_token& stop);
  [[nodiscard]] std::vector<BridgedTopic> progress() const;

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

/// Which group is carried, and which way. The brokers are named, as two swapped ones would move the wrong group.
struct CarryOptions {
  Broker& from;
  Broker& to;
  std::string topic;
  std::string group;
  std::string bridge = "bridge";  ///< that mirrors the topic: `BridgeOptions::name`
};

/// Where a group was put at the target.
struct CarriedGroup {
  std::vector<Offset> positions;    ///< by partition of the target
  std::uint64_t handled_again = 0;  ///< events from there on that the group had settled at the source
};

/// Puts a group at the target before the first event that it has not settled at the source: nothing is left out, and
/// what comes again is counted. The bridge may run on, events may flow; the group must have no live member at either
/// broker. Its open dead letters stay at the source, and the target knows nothing of them, nor of the keys that they
/// hold up: redrive or drop them first (`DeadLetters`).
///
/// Costs reading the topic at the target once, and at the source where a bridge goes back. Errors: `unknown_topic`,
/// `unknown_group` (never), `unsupported` (never: as `Bridge::run`), `group_active` (same call), `timeout` (same call:
/// a broker did not give a topic to its end; nothing was moved), those of reading and of `Broker::seek`.
[[nodiscard]] Result<CarriedGroup> carry_group(const CarryOptions& options);

}  // namespace tidings
