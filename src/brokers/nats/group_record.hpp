#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/broker/in_flight.hpp"

namespace tidings::brokers::nats {

/// The records of a group on a topic in the bucket, as their JSON has them. One says who is a member and who holds
/// which partition; it is written by compare and set, by whomever something changes for. One for each partition has the
/// position; its holder alone writes it, and it carries the epoch of the hold: a new holder writes a higher one before
/// it reads a single event, and what an earlier one writes after that meets another revision.

struct MemberEntry {
  std::string id;
  std::uint64_t beat = 0;  ///< goes up while it lives: who sees it stand still for a lease takes it for dead
  bool leaves = false;     ///< it gets nothing more
};

struct PlaceEntry {
  std::string holder;  ///< empty: nobody
  std::string wanted;  ///< who is to have it next; it moves when its holder says so, or is gone
};

struct GroupRecord {
  int format = 1;
  std::vector<MemberEntry> members;  ///< in the order of joining
  std::vector<PlaceEntry> places;    ///< by partition
  MemberEntry guard;                 ///< who moves or deletes the group meanwhile; nobody joins then. No id: nobody

  [[nodiscard]] MemberEntry* member(std::string_view id);
  [[nodiscard]] const MemberEntry* member(std::string_view id) const;

  /// Says who is to have which partition: as even as can be, and everybody keeps what it has as far as that goes. What
  /// nobody holds is its new owner's at once.
  void share();
  void join(std::string_view id);
  /// It gets nothing more, and keeps what it holds until it hands it over.
  void begin_leaving(std::string_view id);
  /// What it holds goes to others now.
  void remove(std::string_view id);
  /// Hands a partition on, if it is wanted elsewhere. False: it is not its holder's.
  bool hand_over(std::string_view holder, std::uint32_t partition);
};

struct PositionRecord {
  int format = 1;
  std::uint64_t position = 0;
  std::uint64_t epoch = 0;
  std::uint64_t settled_beyond = 0;
  std::uint64_t handled = 0;
  std::uint64_t parked = 0;
  std::uint64_t expired = 0;
  std::uint64_t skipped = 0;
  std::string stream;  ///< when the stream that it is a position of was made; empty: not known

  [[nodiscard]] OutcomeCounts counts() const { return {handled, parked, expired, skipped}; }
  void set(Offset at, const OutcomeCounts& counts, std::uint64_t beyond);
  friend bool operator==(const PositionRecord&, const PositionRecord&) = default;
};

}  // namespace tidings::brokers::nats
