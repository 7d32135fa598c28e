#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "tidings/aggregate/projection.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings {

struct RebuildProgress {
  std::uint64_t events = 0;   ///< read by this call
  std::uint64_t to_come = 0;  ///< offsets before the topic's end, some of which may hold no event
};

struct RebuildOptions {
  /// Of the services that publish the events, as their setting `namespace`: the topic is `NAMESPACE.TOPIC` then.
  std::string name_space{};
  std::string topic{};                            ///< instead of the projection's, without the namespace
  std::size_t batch_max = 500;                    ///< events in a transaction
  bool anew = false;                              ///< what an earlier call has begun is not gone on with
  bool from_earliest_kept = false;                ///< also where the topic no longer has its first events
  Duration quiet_max = std::chrono::seconds{10};  ///< so long the topic may give nothing before its end
  Duration wait_max = std::chrono::seconds{30};   ///< for a transaction
  /// The payload of an event, where it stands or where a claim check has put it, opened where it is sealed: a service's
  /// is `[&](const auto& event) { return service.payload(event); }`. None: where it stands.
  std::function<Result<std::string>(const EnvelopeView& event)> payload{};
  std::stop_token stop{};                                  ///< ends it between two batches; a later call goes on
  std::function<void(const RebuildProgress&)> progress{};  ///< after each batch
};

struct Rebuilt {
  std::int64_t generation = 0;  ///< which serves now
  std::uint64_t events = 0;     ///< read by this call
};

namespace aggregate::detail {
Result<Rebuilt> rebuild(Store& store, Broker& broker, Projecting& projection, const ApplyEvent& apply,
                        const RebuildOptions& options);
}  // namespace aggregate::detail

/// Makes a projection anew from the first event of its topic, in new tables, while the old ones serve and are written
/// to; then, in one transaction, the new ones serve, and the old ones go. The projection must be prepared.
///
/// Each batch commits with the position that it leads to, so that a call after a crash, or after an error, goes on
/// where the last one was, and of two at once one is told `busy` and does nothing twice. At the switch handlers wait
/// until what has come meanwhile is in it too; none of their events is missing in it then, and none is in it twice.
/// Any number of threads and processes may call it; what it returns after is committed, as durable as the store's
/// commits.
///
/// Errors: `unknown_topic`; `history_gone` (never): the topic does not have its first events any more;
/// `bad_event` (never): one that cannot be applied, with its place; `not_prepared` (never); `more_partitions` (with
/// `anew`): the topic was given some meanwhile; `busy` (same call): another rebuilds it; `stopped`; `stalled` (same
/// call): the topic gives nothing, though it has more; `bad_payload` (of its cause): a payload cannot be had;
/// `table_taken` (never): another projection has a table of that name; those of the broker, of
/// `Store::begin`, and of statements.
template <class P>
Result<Rebuilt> rebuild(Store& store, Broker& broker, const P& projection, const RebuildOptions& options = {}) {
  return aggregate::detail::rebuild(
      store, broker, projection.core(),
      [&](const EnvelopeView& event, ReadModel& model) { return projection.apply(event, model); }, options);
}

}  // namespace tidings
