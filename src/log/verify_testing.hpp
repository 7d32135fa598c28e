#pragma once

#include <functional>
#include <string>
#include <vector>

#include "log/layout.hpp"
#include "log/testing.hpp"
#include "tidings/log/verify.hpp"

namespace tidings::log {

/// A log of one topic, `orders`, in a folder of its own, with segments of 4 KiB; nobody has it open between the calls.
class SmallLog {
 public:
  explicit SmallLog(bool durable = true, std::uint32_t partitions = 1) : durable_(durable) {
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    auto log = LogDirectory::open(path, {.log = &silent}).or_throw();
    log->create("orders", {.partitions = partitions, .durability = durable ? Durability::durable : Durability::memory})
        .or_throw();
  }
  ~SmallLog() { std::filesystem::remove_all(path); }
  SmallLog(const SmallLog&) = delete;
  SmallLog& operator=(const SmallLog&) = delete;

  Result<std::unique_ptr<PartitionLog>> try_open(std::uint32_t number = 0) {
    auto log = system_files().open(path, false).or_throw();
    auto topic = log->directory("orders", Directory::Create::never).or_throw();
    auto wake = topic->file("control", Directory::Create::if_missing).or_throw();
    wake->allocate(TopicWake::file_bytes).or_throw();
    PartitionSetting setting;
    setting.durable = durable_;
    setting.segment_bytes_first = setting.segment_bytes_max = 4096;
    setting.index_every = 512;
    setting.clock = &clock;
    setting.log = &silent;
    return PartitionLog::open(*topic, number, Slots::take(*log).or_throw(),
                              std::make_shared<TopicWake>(wake->map(TopicWake::file_bytes, true).or_throw()), setting);
  }
  std::unique_ptr<PartitionLog> open(std::uint32_t number = 0) { return try_open(number).or_throw(); }

  /// Events "0" to "count - 1", each synced where the topic is durable; about 12 fill a segment.
  void fill(std::size_t count, const std::string& payload = std::string(200, 'p')) {
    auto partition = open();
    for (const auto& name : numbers(0, count)) {
      clock.advance(std::chrono::milliseconds{1});
      const auto at = append(*partition, {event(name, payload)});
      partition->sync_to(at + 1, std::chrono::seconds{10}).or_throw();
    }
  }

  void write_record(const std::string& group, const GroupRecord& record, std::uint32_t partition = 0) {
    auto log = system_files().open(path, false).or_throw();
    auto groups = log->directory("orders", Directory::Create::never)
                      .or_throw()
                      ->directory("groups", Directory::Create::never)
                      .or_throw();
    auto meta = read_file(path + "/orders/topic.meta").or_throw();
    std::uint32_t partitions = 0;
    std::memcpy(&partitions, meta.data() + offsetof(MetaFile, partitions), sizeof partitions);
    auto file = GroupFile::open(*groups, group, partitions, Slots::take(*log).or_throw().get()).or_throw();
    (void)file.read(partition).or_throw();
    file.write(partition, record).or_throw();
  }

  /// As after a reboot that left the control file.
  void reboot() const { flip("orders/0/control", offsetof(Control, boot_id)); }

  void edit(const std::string& file, const std::function<void(std::string&)>& change) const {
    auto bytes = read_file(path + "/" + file).or_throw();
    change(bytes);
    overwrite(path + "/" + file, bytes);
  }
  void flip(const std::string& file, std::size_t byte, int bit = 0) const {
    edit(file, [&](std::string& bytes) { bytes.at(byte) = static_cast<char>(bytes.at(byte) ^ 1 << bit); });
  }
  [[nodiscard]] std::string segment(std::uint64_t first) const { return "orders/0/" + segment_name(first); }
  [[nodiscard]] std::vector<std::uint64_t> firsts() const {
    std::vector<std::uint64_t> all;
    for (const auto& entry : std::filesystem::directory_iterator(path + "/orders/0"))
      if (const auto first = segment_first_offset(entry.path().filename().string())) all.push_back(*first);
    std::ranges::sort(all);
    return all;
  }
  /// Where the frame of `offset` stands in its segment.
  [[nodiscard]] std::size_t place(std::uint64_t offset) const {
    const auto all = firsts();
    const auto first = *std::prev(std::ranges::upper_bound(all, offset));
    const auto bytes = read_file(path + "/" + segment(first)).or_throw();
    std::size_t at = sizeof(SegmentHeader);
    for (auto i = first; i < offset; ++i) {
      std::uint32_t length = 0;
      std::memcpy(&length, bytes.data() + at, sizeof length);
      at += padded(length);
    }
    return at;
  }
  /// Changes a frame's header, and its checksum with it.
  void forge(std::uint64_t offset, const std::function<void(FrameHeader&)>& change) const {
    const auto all = firsts();
    const auto at = place(offset);
    edit(segment(*std::prev(std::ranges::upper_bound(all, offset))), [&](std::string& bytes) {
      SegmentHeader segment;
      std::memcpy(&segment, bytes.data(), sizeof segment);
      FrameHeader header;
      std::memcpy(&header, bytes.data() + at, sizeof header);
      change(header);
      std::memcpy(bytes.data() + at, &header, sizeof header);
      header.checksum = crc32c(std::as_bytes(std::span{bytes}).subspan(at + 8, header.length - 8),
                               checksum_seed(header.length, segment.salt));
      std::memcpy(bytes.data() + at, &header, 8);
    });
  }

  std::vector<Finding> verify(FileSystem& files = system_files()) {
    std::vector<Finding> found;
    VerifyOptions options;
    options.files = &files;
    options.on_finding = [&](const Finding& finding) { found.push_back(finding); };
    summary = verify_log(path, options).or_throw();
    return found;
  }
  /// `error bad_checksum orders/0/….log byte 64 offset 0`, one a line.
  std::string told(FileSystem& files = system_files()) {
    std::string lines;
    for (const auto& one : verify(files)) {
      lines += std::string(to_string(one.severity)) + " " + one.code + " " + one.file;
      if (one.byte) lines += " byte " + std::to_string(*one.byte);
      if (one.offset) lines += " offset " + std::to_string(*one.offset);
      lines += "\n";
    }
    return lines;
  }

  std::string path = (std::filesystem::temp_directory_path() / "tidings-log-XXXXXX").string();
  ManualClock clock{TimePoint{std::chrono::seconds{1'000}}};
  Silent silent;
  VerifySummary summary;

 private:
  bool durable_;
};

}  // namespace tidings::log
