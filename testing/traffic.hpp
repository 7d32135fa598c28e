#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "trial.hpp"

namespace tidings::testing {

/// An event as the cases publish them: `id` also stands in the payload.
[[nodiscard]] Envelope event(std::string id, std::string key = {});
/// `prefix-0` … `prefix-(count-1)`, all with that key.
[[nodiscard]] std::vector<Envelope> events(const std::string& prefix, std::size_t count, const std::string& key = {});

/// Publishes them in one call, which must work.
std::vector<Published> publish(Trial& trial, Broker& broker, std::string_view topic, std::span<const Envelope> some,
                               const PublishOptions& options = {});
void create_topic(Trial& trial, Broker& broker, std::string_view topic, std::uint32_t partitions = 1);
[[nodiscard]] std::unique_ptr<Consumer> subscribe(Trial& trial, Broker& broker, std::string_view topic,
                                                  const ConsumerOptions& options);
/// A group with everything else as it is by default.
[[nodiscard]] std::unique_ptr<Consumer> join(Trial& trial, Broker& broker, std::string_view topic,
                                             const std::string& group);

/// Fetches until there are `count`, or patience ends; settles nothing.
[[nodiscard]] std::vector<Delivery> take(Trial& trial, Consumer& consumer, std::size_t count);
/// The same, and settles all as handled.
[[nodiscard]] std::vector<Delivery> handle(Trial& trial, Consumer& consumer, std::size_t count);
void settle(Trial& trial, Consumer& consumer, std::span<const Delivery> some, Outcome outcome = Outcome::handled);
/// Looks for a moment: nothing may come.
void check_nothing_comes(Trial& trial, Consumer& consumer, const std::string& why);

[[nodiscard]] std::vector<DeliveryId> ids_of(std::span<const Delivery> some);
[[nodiscard]] std::vector<std::string> names_of(std::span<const Delivery> some);
[[nodiscard]] std::vector<std::string> names_of(std::span<const Envelope> some);
[[nodiscard]] std::string join_names(std::span<const std::string> names);
/// The same events, in the same order.
void check_same(Trial& trial, std::span<const std::string> got, std::span<const std::string> wanted,
                const std::string& what);
/// First attempts come in the order of offsets in each partition, none twice.
void check_offsets_in_order(Trial& trial, std::span<const Delivery> some);

[[nodiscard]] GroupInfo group_info(Trial& trial, Broker& broker, std::string_view topic, std::string_view group);
[[nodiscard]] std::uint64_t end_of(Trial& trial, Broker& broker, std::string_view topic);

/// Runs `run(0, trial) … run(count - 1, trial)` in threads, each with a trial of its own, whose failures become the
/// case's.
void run_together(Trial& trial, int count, const std::function<void(int, Trial&)>& run);

[[nodiscard]] inline SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace tidings::testing
