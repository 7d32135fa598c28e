#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings::outbox {

/// An event as the tables have it.
struct Stored {
  std::int64_t id = 0;
  std::int64_t part = 0;
  std::string message_id;
  std::string topic;
  std::string key;
  std::string type;
  std::int64_t type_version = 1;
  std::int64_t event_time = 0;
  std::vector<std::byte> attributes;
  std::vector<std::byte> payload;
  std::int64_t is_held = 0;

  [[nodiscard]] EnvelopeView view() const;
  /// 0, or what stands alone without a key.
  [[nodiscard]] std::int64_t lane() const { return key.empty() ? id : 0; }
  [[nodiscard]] bool is_of_one_key_with(const Stored& other) const {
    return topic == other.topic && key == other.key && lane() == other.lane();
  }
};

/// What has become of an event on its way.
enum class Fate {
  open,    ///< not known: it is sent again, under the same sequence
  sent,    ///< the broker has it
  failed,  ///< the broker refused it, and it is not there
  behind,  ///< one of its key before it was refused: it was not sent
};

/// An event that a relay has taken to publish it.
struct Flying {
  Stored event;
  std::uint64_t sequence = 0;
  Fate fate = Fate::open;
  Error error{};
};

using Flight = std::vector<Flying>;

/// The events of a topic one after the other, and each its sequence, from `next` on. What the database keeps of it
/// (`flight_text`) is committed before the first is sent, so that who comes after this relay sends the same under the
/// same, and then nothing can be there twice.
void arrange(Flight& flight, std::uint64_t& next);

/// Those whose fate is open: `SEQUENCE:ID,ID;SEQUENCE:ID`, each id with the next sequence.
[[nodiscard]] std::string flight_text(const Flight& flight);
/// The sequence of each id. Error `corrupt`.
[[nodiscard]] Result<std::map<std::int64_t, std::uint64_t>> parse_flight(std::string_view text);

}  // namespace tidings::outbox
