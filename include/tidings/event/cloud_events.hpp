#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tidings/base/strong.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings {

/// Where an event was read from, for those who look at it.
struct CloudEventPlace {
  Partition partition;
  Offset offset;
};

/// The envelope as CloudEvents 1.0 JSON in structured mode, on one line.
///
/// `data` stands inline where the content is JSON, as a text where it is UTF-8 text (`text/…`), else in `data_base64`.
/// Ours are extension attributes: `partitionkey`, `correlationid`, `causationid`, `traceparent`, `tidingsversion` (left
/// out where it is 1), `tidingsheaders` (an object in a text), and `tidingspartition` and `tidingsoffset` of `place`,
/// the offset as a text since CloudEvents integers have 32 bits. An empty `source` is written as `/`: CloudEvents wants
/// one.
[[nodiscard]] std::string to_cloud_event_json(const EnvelopeView& envelope,
                                              std::optional<CloudEventPlace> place = std::nullopt);

/// Reads what `to_cloud_event_json` writes, and what others write: extension attributes that are not ours become
/// headers of that name. `tidingspartition` and `tidingsoffset` are dropped. Errors (never): `invalid_cloud_event`,
/// `invalid_json`, `wrong_type`, …, with the path.
[[nodiscard]] Result<Envelope> from_cloud_event_json(std::string_view json);

/// Makes what others wrote into a broker fit to be published again, as to the dead letters: control characters, and
/// what is no UTF-8, stand as they can be shown (`\x1B`), texts are cut at 65,535 bytes, a header without a name goes.
/// What `validate` takes stays as it is, byte for byte.
void make_valid(Envelope& envelope);

}  // namespace tidings
