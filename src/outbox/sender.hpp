#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "outbox/leases.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/outbox/relay.hpp"

namespace tidings::outbox {

/// Whether an error says that this very event, or its topic, is not what the broker takes. Any other is the broker's
/// own trouble, which is waited for: it parks nothing.
[[nodiscard]] bool is_of_event(const Error& error);

/// Hands the flights of parts to the broker, and learns their fates. For one thread.
class Sender {
 public:
  Sender(Broker& broker, const RelayOptions& options) : broker_(broker), options_(options) {}

  struct Sent {
    std::uint64_t sent = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t failed = 0;
    std::vector<std::uint32_t> fenced;  ///< parts that somebody else has
    std::optional<Error> trouble;       ///< why the fate of some is open still
  };
  /// Sends what is open of the parts' flights, and sets the fates. What it begins is over by `until`, as far as the
  /// broker keeps its word. `identity` is the outbox's.
  Sent send(std::map<std::uint32_t, Part>& parts, std::uint64_t identity, SteadyTime until);

 private:
  /// Events of a part and a topic with sequences one after the other: what one publish takes.
  struct Run {
    std::uint32_t part = 0;
    std::int64_t epoch = 0;
    std::string topic;
    std::vector<Flying*> events;
  };
  struct Answers;
  using Answer = Result<std::vector<Published>>;

  [[nodiscard]] std::vector<Run> collect(std::map<std::uint32_t, Part>& parts) const;
  std::vector<Answer> publish(const std::vector<Run>& runs, SteadyTime until);
  void tell(const std::vector<Run>& runs, const std::vector<Answer>& answers, Duration took) const;
  Answer publish_one(const Run& run, SteadyTime until);
  void take(Run& run, const Answer& answer, std::map<std::uint32_t, Part>& parts, SteadyTime until);
  void one_by_one(const Run& run, std::map<std::uint32_t, Part>& parts, SteadyTime until);
  void fail(Flying& flying, const Error& why, Flight& flight);
  void stop(const Run& run, const Error& why);
  [[nodiscard]] PublishOptions options_of(const Run& run, SteadyTime until) const;
  [[nodiscard]] std::string name_of(const std::string& topic) const;

  Broker& broker_;
  const RelayOptions& options_;
  std::uint64_t identity_ = 0;
  std::map<std::string, std::unique_ptr<Publisher>> publishers_;
  std::set<std::pair<std::uint32_t, std::string>> stopped_;  // parts and topics that wait for the broker
  Sent sent_;
};

}  // namespace tidings::outbox
