#pragma once

#include <string>
#include <string_view>

#include "tidings/base/time.hpp"
#include "tidings/event/headers.hpp"

namespace tidings {

/// What travels with an event: the CloudEvents 1.0 attributes, and ours. All texts are borrowed: a view is valid as
/// long as what it was taken from (an `Envelope`, a `Delivery`). An empty text is an absent attribute; an empty key is
/// no key.
struct EnvelopeView {
  std::string_view id{};       ///< unique within `source`; made once by the producer, never changed on the way
  std::string_view type{};     ///< the event's wire name, `shop.OrderPlaced`
  std::string_view source{};   ///< who published it: the service's name, or a URI
  std::string_view subject{};  ///< CloudEvents `subject`
  std::string_view data_content_type{};  ///< `application/json` where empty
  std::string_view data_schema{};        ///< CloudEvents `dataschema`
  std::string_view key{};                ///< events of one key keep their order
  std::string_view correlation_id{};     ///< the same for all that one cause set off
  std::string_view causation_id{};       ///< the id of the event whose handler published this one
  std::string_view trace_parent{};       ///< W3C `traceparent`
  TimePoint time{};                      ///< when it happened, by the producer's clock
  std::uint32_t version = 1;             ///< of the event's type
  HeadersView headers{};                 ///< everything else
  std::string_view payload;              ///< bytes; empty and binary ones are fine
};

/// An envelope that owns its texts.
struct Envelope {
  std::string id;
  std::string type;
  std::string source;
  std::string subject;
  std::string data_content_type;
  std::string data_schema;
  std::string key;
  std::string correlation_id;
  std::string causation_id;
  std::string trace_parent;
  TimePoint time{};
  std::uint32_t version = 1;
  Headers headers;
  std::string payload;

  Envelope() = default;
  explicit Envelope(const EnvelopeView& view);
  [[nodiscard]] EnvelopeView view() const;

  friend bool operator==(const Envelope&, const Envelope&) = default;
};

/// The header with the end of an event's time to live, RFC 3339: the attribute of CloudEvents' extension "Expiry Time".
inline constexpr std::string_view expiry_header = "expirytime";

/// When the event's time to live is over: nobody handles it any more from then on. The last time there is where it has
/// none, or one that cannot be read.
[[nodiscard]] TimePoint expiry(const EnvelopeView& envelope);

/// The envelope's size as limits count it: all texts, headers and payload, in bytes.
[[nodiscard]] std::size_t size_bytes(const EnvelopeView& envelope);

/// What every broker checks before anything is written: id and type are there, texts are UTF-8 without control
/// characters, headers without CR, LF or NUL, size within `size_bytes_max`, and that nobody has asked for it to be
/// sealed (tidings/event/sealer.hpp) who did not get it. Errors `invalid_event`, `too_large`, `not_sealed` (never).
Result<> validate(const EnvelopeView& envelope, std::size_t size_bytes_max);

}  // namespace tidings
