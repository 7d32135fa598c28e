#include <utility>

#include "log/index.hpp"
#include "log/partition_log.hpp"

namespace tidings::log {

/// Sealed, for all that is known, and long enough.
bool PartitionLog::is_indexable(const Segment& segment) const {
  return segment.size() > 2 * setting_.index_every &&
         segment.first_offset() < control().segment.load(std::memory_order_acquire);
}

template <class Wanted>
IndexPlace PartitionLog::find_place(const std::shared_ptr<Segment>& segment, Wanted wanted) {
  keep_sought(segment);
  const bool is_indexable = this->is_indexable(*segment);
  if (is_indexable && !segment->is_indexed() && !adopt_index(*segment)) {
    auto made = make_index(*segment);
    if (!adopt_index(*segment)) segment->adopt(std::move(made));  // it could not be written
  }
  if (const auto place = segment->place_before(wanted)) return *place;
  // What it said is wrong, however right its checksum is.
  if (is_indexable) segment->adopt(make_index(*segment));
  if (const auto place = segment->place_before(wanted)) return *place;
  return {segment->first_offset(), sizeof(SegmentHeader), 0};
}

IndexPlace PartitionLog::place_before(const std::shared_ptr<Segment>& segment, std::uint64_t offset) {
  if (offset <= segment->first_offset()) return {segment->first_offset(), sizeof(SegmentHeader), 0};
  return find_place(segment, offset);
}

IndexPlace PartitionLog::place_before(const std::shared_ptr<Segment>& segment, TimePoint time) {
  return find_place(segment, time);
}

/// Mapped, so that the indexes of a long log take no memory but the page cache's. Nullopt where it is missing or wrong.
std::optional<Mapping> PartitionLog::read_index(const Segment& segment) {
  auto file = directory_->file(index_name(segment.first_offset()), Directory::Create::never, false);
  if (!file) return std::nullopt;
  auto size = (*file)->size();
  if (!size || *size < sizeof(IndexHeader) || *size > index_bytes_max(segment.size())) return std::nullopt;
  auto bytes = (*file)->map(*size, false);
  SegmentIndex index;
  if (!bytes || decode_index({bytes->data(), bytes->size()}, segment.header(), index)) return std::nullopt;
  return std::move(*bytes);
}

/// False where it is missing or wrong.
bool PartitionLog::adopt_index(Segment& segment) {
  auto index = read_index(segment);
  if (!index) return false;
  const std::span places{reinterpret_cast<const IndexPlace*>(index->data() + sizeof(IndexHeader)),
                         (index->size() - sizeof(IndexHeader)) / sizeof(IndexPlace)};
  segment.adopt(std::move(*index), places);
  return true;
}

/// Returns its places; none where the segment is damaged. That the file is not written, whyever, is no harm.
std::vector<IndexPlace> PartitionLog::make_index(const Segment& segment) {
  auto index = index_of(segment, setting_.index_every);
  if (!index) return {};
  write_index(segment.first_offset(), encode_index(*index, segment.first_offset(), segment.salt()));
  return std::move(index->places);
}

/// Not synced: whoever reads it looks at its checksum. Two may be at it at once: what they write is the same.
void PartitionLog::write_index(std::uint64_t first, std::span<const std::byte> bytes) {
  if (is_fault(control().faults.load())) return;
  const auto name = index_name(first);
  const auto draft = "~" + name;
  (void)directory_->remove_file(draft).has_value();  // of somebody who died here
  auto file = directory_->file(draft, Directory::Create::must);
  if (!file) return;
  auto done = (*file)->write_at(bytes, 0);
  if (done) done = directory_->replace(draft, name);
  if (!done) (void)directory_->remove_file(draft).has_value();
  // Retention, which raises that first and takes the index last, may have missed it.
  if (first < control().earliest.load()) (void)directory_->remove_file(name).has_value();
}

/// In the background: what this process sealed.
void PartitionLog::index_sealed() {
  std::vector<Unindexed> all;
  {
    const std::scoped_lock lock(segments_mutex_);
    all = std::exchange(unindexed_, {});
  }
  for (const auto& [first, index] : all) {
    auto segment = Segment::open(*directory_, first, Segment::Access::read);
    if (!segment || !is_indexable(**segment) || read_index(**segment)) continue;
    if (index)
      write_index(first, encode_index(*index, first, (*segment)->salt()));
    else
      (void)make_index(**segment);
  }
}

/// The segment, then its index: one without its segment is nothing, and retention takes it, too.
Result<> PartitionLog::remove_segment(std::uint64_t first) {
  auto done = directory_->remove_file(segment_name(first));
  if (!done && done.error().code != "not_found") return done;
  auto index = directory_->remove_file(index_name(first));
  if (!index && index.error().code != "not_found") return index;
  return done;
}

}  // namespace tidings::log
