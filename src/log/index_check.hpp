#pragma once

#include <string>

#include "log/checking.hpp"
#include "log/index.hpp"

namespace tidings::log {

/// Compares an index with the frames that a walk over its segment comes by. What is wrong with it is a note: no event
/// is read by it unchecked, and whoever needs it makes it anew.
class IndexCheck {
 public:
  /// None: there is nothing to compare.
  IndexCheck() = default;
  /// Errors: `interrupted`.
  static Result<IndexCheck> read(Checking& checking, Directory& partition, const SegmentHeader& segment,
                                 std::string name);

  /// The walk tells it of the next frame that stands there or behind.
  [[nodiscard]] std::uint64_t next_position() const { return next_position_; }
  void pass(const IndexPlace& frame);
  /// The segment is sealed there.
  void end(std::uint64_t offset, std::uint64_t position);
  /// It has no seal, and is not damaged.
  void no_end();

 private:
  static constexpr auto nowhere = ~std::uint64_t{0};
  void wrong(std::uint64_t byte, std::string_view why);
  void step();

  Checking* checking_ = nullptr;
  std::string name_;
  SegmentIndex index_;
  std::size_t next_ = 0;
  std::uint64_t next_position_ = nowhere;
};

}  // namespace tidings::log
