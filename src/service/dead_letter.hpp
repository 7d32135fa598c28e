#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"
#include "tidings/broker/types.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

/// A dead letter as its headers tell it. Its texts are the envelope's.
struct Letter {
  std::string_view topic;
  std::uint32_t partition = 0;
  std::uint64_t offset = 0;  ///< where the event stood
  std::string_view hold;     ///< empty: parked by who holds nothing; nobody waits for it
  std::string_view code, reason;
  int attempts = 0;
  TimePoint time{};
  bool ordered = false;  ///< later events of its key stand behind it
  std::optional<std::uint64_t> follows;
  std::uint64_t key = 0;  ///< the key's hash, where it is ordered
};

/// What an event is parked with.
struct LetterOptions {
  std::string_view topic;
  Partition partition;
  Offset offset;
  std::string_view group;
  std::string_view hold;  ///< empty: who parks it holds nothing
  const Error* why = nullptr;
  int attempts = 0;
  TimePoint time{};
  bool ordered = false;
  std::optional<Offset> follows;
};

/// The headers of a dead letter, over those that the event had.
[[nodiscard]] Headers letter_headers(HeadersView of_event, const LetterOptions& options);
/// More than all of ours together.
inline constexpr std::size_t letter_headers_bytes_max = 4096;

/// Nullopt: it is no dead letter of this group.
[[nodiscard]] std::optional<Letter> letter_of(const EnvelopeView& envelope, std::string_view group);

/// The event as it was before it was parked, to be handled again. Its texts live as long as any copy of it.
[[nodiscard]] Delivery event_of(const Delivery& letter, const Letter& told, std::uint64_t generation);

/// A reason as a header has it: printable, and cut where it is long, not within a character.
[[nodiscard]] std::string reason_text(std::string_view text);

}  // namespace tidings::service
