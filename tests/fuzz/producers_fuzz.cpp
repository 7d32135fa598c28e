// Who published before a segment: flags, and the body of the frame that says it, in front of the segment's first event.
#include <set>

#include "log/crc32c.hpp"
#include "log/verify_testing.hpp"
#include "real_log.hpp"

namespace tidings::fuzzing {
namespace {

using log::FrameHeader;
using Entry = ProducerTable::Entry;

constexpr std::uint8_t fits_entries = 2;  // the bytes are made a list that can be: ascending, with no id twice
constexpr std::uint8_t verifies = 1;      // in the bits above
constexpr std::uint64_t first_offset = 1'000, id = 7, sequence = 500;
constexpr std::int64_t event_time = 1'000'000;  // ns since 1970; all others published before

/// Nothing but the log's folders; its segment is written anew each time.
class Empty {
 public:
  Empty() {
    log_.fill(1);
    std::filesystem::remove(log_.path + "/" + log_.segment(0));
  }
  void write(const std::string& segment) {
    std::filesystem::remove_all(log_.path + "/orders/0/quarantine");
    for (const auto first : log_.firsts()) std::filesystem::remove(log_.path + "/" + log_.segment(first));
    std::filesystem::remove(log_.path + "/orders/0/control");
    log::overwrite(path(), segment);
  }
  [[nodiscard]] std::string path() const { return log_.path + "/" + log_.segment(first_offset); }
  Result<std::unique_ptr<log::PartitionLog>> open() { return log_.try_open(); }
  std::vector<log::Finding> verify() { return log_.verify(); }

 private:
  log::SmallLog log_;
};

/// What a table of so many producers says, however the bytes came about.
void fit(std::vector<Entry>& entries) {
  std::uint64_t offset = 0, number = 1'000;
  std::int64_t time = 0;
  for (auto& entry : entries) {
    entry.id = ++number;
    entry.offset = offset += 1 + entry.offset % 4;
    entry.time = time += entry.time & 7;
    entry.sequence %= 1'000;
    entry.run %= static_cast<std::uint32_t>(std::min(entry.offset, entry.sequence) + 1);
  }
}

/// The segment: a header, the frame with this body, and an event of a producer behind it, in one batch.
std::string segment_of(std::span<const std::byte> body, bool mended) {
  log::SegmentHeader header;
  header.first_offset = first_offset;
  header.salt = 0x1122334455667788;
  header.epoch = 1;
  std::string bytes(sizeof header, '\0');
  FrameHeader frame;
  frame.offset = first_offset;
  frame.time = event_time;
  frame.epoch = 1;
  frame.type = log::FrameType::producers;
  frame.batch_end = 0;
  frame.length = static_cast<std::uint32_t>(sizeof frame + body.size());
  bytes += as_text(frame);
  bytes += text_of(body);
  if (mended) {
    frame.checksum = log::crc32c(std::as_bytes(std::span{bytes}).subspan(sizeof header + 8),
                                 log::checksum_seed(frame.length, header.salt));
    store(std::as_writable_bytes(std::span{bytes}), sizeof header, frame);
  }
  bytes.resize(log::padded(bytes.size()));
  log::write_data_frame(
      bytes, log::event("1").view(),
      {.offset = first_offset, .time = event_time, .epoch = 1, .producer_id = id, .sequence = sequence}, header.salt);
  bytes.resize(bytes.size() + 4096);
  header.size = bytes.size();
  header.checksum = log::header_checksum(header);
  store(std::as_writable_bytes(std::span{bytes}), 0, header);
  return bytes;
}

/// What a publisher of that event is told.
log::PartitionLog::Once publish(log::PartitionLog& partition, std::uint64_t producer, std::uint64_t at) {
  const auto event = log::event("again");
  const auto view = event.view();
  const auto* const one = &view;
  return partition
      .append_once({&one, 1}, {.id = producer, .epoch = ~std::uint32_t{0}}, {&at, 1}, std::chrono::seconds{10})
      .or_throw();
}

}  // namespace

void try_input(Bytes input) {
  static Empty real;
  Input in(input);
  const auto flags = in.take<std::uint8_t>();
  auto body = in.copy();
  if ((flags & fits_entries) != 0) {
    std::vector<Entry> entries(body.size() / sizeof(Entry));
    if (!entries.empty()) std::memcpy(entries.data(), body.data(), entries.size() * sizeof(Entry));
    fit(entries);
    body.assign(std::as_bytes(std::span{entries}).begin(), std::as_bytes(std::span{entries}).end());
  }
  const auto segment = segment_of(body, (flags & mends) != 0);
  const auto frames = std::as_bytes(std::span{segment}).subspan(sizeof(log::SegmentHeader));
  log::SegmentHeader header;
  load(std::as_bytes(std::span{segment}), 0, header);
  ProducerTable table;
  const auto frame = log::read_frame(frames, header.salt);
  const bool is_read = frame && log::read_producers(*frame, table);
  if (is_read) {
    const auto list = table.entries();
    require(std::ranges::equal(std::as_bytes(std::span{list}), body), "what was read is all that is there");
    require(!list.empty() && list.size() <= ProducerTable::producers_max, "a state is of some producers");
    require(list.back().offset < first_offset, "they published before the event");
    std::set<std::uint64_t> ids;
    for (std::size_t i = 0; i < list.size(); ++i) {
      require(list[i].id != 0 && ids.insert(list[i].id).second, "each has an id, and each its own");
      require(list[i].run <= list[i].offset && list[i].run <= list[i].sequence, "a run begins at 0 at the earliest");
      require(i == 0 || (list[i - 1].offset < list[i].offset && list[i - 1].time <= list[i].time), "they ascend");
    }
  }
  const bool can_be = (flags & fits_entries) != 0 && (flags & mends) != 0 && !body.empty();
  require(is_read || !can_be, "a list that can be is read");
  // Nobody but a forger writes what the event's own producer had published, or a later time than the event's.
  const auto entries = table.entries();
  if (is_read && (entries.back().time > event_time || !table.judge(id, 0, {&sequence, 1}).duplicates.empty() ||
                  table.judge(id, 0, {&sequence, 1}).fenced_by))
    return;
  real.write(segment);
  if (flags >> 2 == verifies) {
    std::uint64_t errors = 0;
    for (const auto& one : real.verify()) errors += one.severity == log::Severity::error;
    require(!is_read || errors == 0, "a state that is read is no error");
  }
  // Nobody has hints: it is recovered.
  const auto partition = real.open();
  require(partition.has_value(), "a state that is damaged is a torn tail, nothing more");
  require((*partition)->committed() == first_offset + (is_read ? 1 : 0), "its event is there exactly where it is");
  if (!is_read) {
    require(publish(**partition, id, sequence).before.duplicates.empty(), "what is not there is no duplicate");
    return;
  }
  const auto end = (*partition)->committed();
  require(publish(**partition, id, sequence).before.duplicates.size() == 1, "who published last is known");
  for (const auto& entry : entries) {
    if (entry.id == id) continue;
    const auto answer = publish(**partition, entry.id, entry.sequence).before;
    require(answer.duplicates == std::vector{ProducerTable::Place{entry.offset}}, "each of them is known, and where");
  }
  require((*partition)->committed() == end, "nothing of it is written again");
}

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const std::size_t count : {1U, 3U, 40U}) {
    std::vector<Entry> entries(count);
    std::uint64_t offset = 0;
    for (auto& entry : entries) {
      offset += 2;
      entry = {.id = offset + 100, .sequence = offset, .offset = offset, .time = 1, .epoch = 3, .run = 1};
    }
    for (const char flag : {'\1', '\3', '\5', '\0'})
      all.push_back(flag + std::string(text_of(std::as_bytes(std::span{entries}))));
  }
  // Close to what can be, and not it.
  const Entry one{.id = 1, .sequence = 5, .offset = 5, .time = 1, .epoch = 3, .run = 1};
  std::vector<std::vector<Entry>> wrong(5, {one, one});
  for (auto& list : wrong) list[1].offset = 6;
  wrong[1][1] = {.id = 2, .sequence = 5, .offset = 4, .time = 1};
  wrong[2][1] = {.id = 2, .sequence = 5, .offset = 6, .time = 0};
  wrong[3][1] = {.id = 2, .sequence = 5, .offset = 6, .time = 1, .run = 6};
  wrong[4][1] = {.id = 2, .sequence = 5, .offset = first_offset, .time = 1};
  for (const auto& list : wrong) all.push_back('\1' + std::string(text_of(std::as_bytes(std::span{list}))));
  return all;
}

}  // namespace tidings::fuzzing
