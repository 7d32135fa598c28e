#include "log/index_check.hpp"

#include <cstddef>

namespace tidings::log {

Result<IndexCheck> IndexCheck::read(Checking& checking, Directory& partition, const SegmentHeader& segment,
                                    std::string name) {
  IndexCheck check;
  check.checking_ = &checking;
  check.name_ = std::move(name);
  auto file = partition.file(index_name(segment.first_offset), Directory::Create::never, false);
  if (!file && file.error().code == "not_found") return IndexCheck{};  // removed just now
  auto size = file ? (*file)->size() : Result<std::uint64_t>{file.error()};
  std::vector<std::byte> bytes(size ? std::min(*size, index_bytes_max(segment.size) + 1) : 0);
  auto got = size ? (*file)->read_at(bytes, 0) : Result<std::size_t>{size.error()};
  if (!got && got.error().code == "interrupted") return got.error();
  if (!got) {
    check.wrong(0, got.error().message);
    return check;
  }
  if (const auto problem = decode_index(std::span{bytes}.first(*got), segment, check.index_)) {
    check.wrong(problem->byte, problem->why);
    return check;
  }
  check.step();
  return check;
}

/// Tells it once.
void IndexCheck::wrong(std::uint64_t byte, std::string_view why) {
  checking_->findings.add({Severity::note,
                           "wrong_index",
                           name_,
                           byte,
                           {},
                           std::string(why) + "; nobody goes by it, and whoever needs it makes it anew"});
  checking_ = nullptr;
  next_position_ = nowhere;
}

void IndexCheck::step() {
  next_position_ = next_ < index_.places.size() ? index_.places[next_].position : nowhere;
}

void IndexCheck::pass(const IndexPlace& frame) {
  const auto byte = sizeof(IndexHeader) + next_ * sizeof(IndexPlace);
  if (index_.places[next_] != frame) return wrong(byte, "names a frame that does not stand there");
  ++next_;
  step();
}

void IndexCheck::end(std::uint64_t offset, std::uint64_t position) {
  if (checking_ == nullptr) return;
  if (index_.end_offset != offset || index_.end_position != position || next_ != index_.places.size())
    wrong(offsetof(IndexHeader, end_offset), "says that its segment ends elsewhere");
}

void IndexCheck::no_end() {
  if (checking_ != nullptr) wrong(offsetof(IndexHeader, end_offset), "its segment is not sealed");
}

}  // namespace tidings::log
