#pragma once

#include <string>

#include "fuzzing.hpp"
#include "log/group_file.hpp"
#include "log/log_directory.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings::fuzzing {

/// An event with something in every place.
Envelope full_event(int number);

/// A log as Tidings writes it: the topic `orders` of two partitions, three events in the first, the group `readers`.
class RealLog {
 public:
  RealLog();

  [[nodiscard]] const std::string& path() const { return folder_.path(); }
  [[nodiscard]] const Folder& folder() const { return folder_; }
  static constexpr auto segment = "orders/0/00000000000000000000.log";
  static constexpr auto meta = "orders/topic.meta";
  static constexpr auto group = "orders/groups/readers";
  static constexpr std::uint32_t partitions = 2;
  /// The first segment's header and frames.
  [[nodiscard]] std::string segment_begin() const { return folder_.read(segment).substr(0, end_); }

 private:
  void make();

  Folder folder_;
  std::size_t end_ = 0;
};

/// What `verify_log` says must be no crash, and no hang; what it finds is not looked at. Returns how many errors.
std::uint64_t verify(const std::string& path);

}  // namespace tidings::fuzzing
