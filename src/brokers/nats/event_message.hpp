#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "brokers/nats/link.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings::brokers::nats {

/// An event as a message in CloudEvents' binary mode: attributes are headers `ce-…`, `SOURCE/ID` is `Nats-Msg-Id` as
/// well, by which the server drops repeats. An event's own headers stand in one, `tidings-headers`, in their order, as
/// `NAME=VALUE&…`, since libnats keeps no order. `apart` (`PublishOptions::apart`) tells repeats of an id from events.
[[nodiscard]] HeaderList event_headers(const EnvelopeView& event, std::string_view apart = {});
/// What a message with these takes of the server's `max_payload`.
[[nodiscard]] std::size_t message_bytes(const HeaderList& headers, std::size_t payload);
/// What `expect_last` may add to that.
[[nodiscard]] std::size_t expectation_bytes(std::string_view id);
/// What an event's message may take where the server takes `payload_max`: all of that for a dead letter, and less the
/// room for the headers of one for any other event, so that whatever was accepted can be parked.
[[nodiscard]] std::size_t accepted_bytes_max(std::string_view topic, const EnvelopeView& event,
                                             std::size_t payload_max);
[[nodiscard]] Error too_large(std::string_view topic, std::size_t bytes, std::size_t bytes_max);

/// The server is to store the message only right behind the one of that id; empty: wherever.
void expect_last(natsMsg& message, const std::string& id);

/// Where a consumer's message stands, from the subject of its acknowledgement.
struct DeliveredAt {
  std::uint64_t sequence = 0;           ///< in the stream
  std::uint64_t consumer_sequence = 0;  ///< counts what this consumer was given, from 1
  TimePoint appended{};                 ///< by the server's clock
};
[[nodiscard]] std::optional<DeliveredAt> delivered_at(const natsMsg& message);

/// An event as it came.
struct Kept {
  Message message;  ///< has the payload, unless `envelope` has
  Envelope envelope;
  DeliveredAt at;
  bool payload_is_own = false;

  [[nodiscard]] EnvelopeView view() const;
};

/// Takes whatever comes: binary and structured CloudEvents, and what is neither, as an event of type `nats.message`,
/// whose id is `Nats-Msg-Id` or `SUBJECT/SEQUENCE`.
[[nodiscard]] std::shared_ptr<const Kept> read_event(Message message, const DeliveredAt& at);

}  // namespace tidings::brokers::nats
