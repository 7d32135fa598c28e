#pragma once

#include <memory>
#include <string>

#include "brokers/kafka/native.hpp"
#include "tidings/base/strong.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings::brokers::kafka {

// CloudEvents' Kafka binding, 1.0: binary mode is written (attributes are headers `ce_…`, the content type is
// `content-type`, the payload is the record's value), binary and structured mode are read. The record's key is the
// event's.

/// The headers of a record: attributes, then the event's own.
[[nodiscard]] NativeHeaders to_headers(const EnvelopeView& event);

/// A record as it was read: its texts stand in one piece of memory of its own.
struct Record {
  std::uint64_t offset = 0;
  TimePoint appended{};
  EnvelopeView event;
  std::size_t bytes = 0;  ///< about what it takes

  std::string texts;
};
using SharedRecord = std::shared_ptr<const Record>;

/// Reads a record. One that is no CloudEvent comes as an event of type `kafka.Record`, with its place as id, its own
/// headers and its value as the payload: whoever wants none of these parks them.
[[nodiscard]] SharedRecord read_record(const rd_kafka_message_t& message);

}  // namespace tidings::brokers::kafka
