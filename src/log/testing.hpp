#pragma once

#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "log/cursor.hpp"
#include "log/log_directory.hpp"
#include "tidings/base/atomic_file.hpp"

namespace tidings::log {

/// Appends the whole frame.
inline void write_data_frame(std::string& out, const EnvelopeView& event, const FrameStamp& stamp, std::uint64_t salt) {
  const auto begin = out.size();
  out.resize(begin + frame_bytes(event));
  auto* const at = reinterpret_cast<std::byte*>(out.data() + begin);
  const auto commit = put_data_frame(at, event, stamp, salt);
  std::memcpy(at, &commit, sizeof commit);
}
inline void write_seal_frame(std::string& out, const FrameStamp& stamp, std::uint64_t salt) {
  const auto frame = seal_frame(stamp, salt);
  out.append(reinterpret_cast<const char*>(frame.data()), frame.size());
}

struct Silent final : LogSink {
  void write(LogLevel, std::string_view) override {}
};

/// A partition in a folder of its own, opened as often as a test likes; small segments, so that rolls come soon.
class TestLog {
 public:
  explicit TestLog(bool durable = false) {
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    setting.durable = durable;
    setting.segment_bytes_first = setting.segment_bytes_max = 4096;
    setting.index_every = 512;
    setting.clock = &clock;
    setting.log = &silent;
  }
  ~TestLog() { std::filesystem::remove_all(path); }
  TestLog(const TestLog&) = delete;
  TestLog& operator=(const TestLog&) = delete;

  Result<std::unique_ptr<PartitionLog>> try_open(Duration wait_max = std::chrono::seconds{30}) {
    auto directory = disk->open(path, true).or_throw();
    auto slots = Slots::take(*directory).or_throw();
    auto wake = directory->file("control", Directory::Create::if_missing).or_throw();
    wake->allocate(TopicWake::file_bytes).or_throw();
    return PartitionLog::open(*directory, 0, slots,
                              std::make_shared<TopicWake>(wake->map(TopicWake::file_bytes, true).or_throw()), setting,
                              wait_max);
  }
  std::unique_ptr<PartitionLog> open() { return try_open().or_throw(); }

  /// As after a reboot: what the hints said is gone.
  void forget_hints() const { std::filesystem::remove(partition() + "/control"); }
  /// As after a reboot that left the control file.
  void reboot() const {
    auto bytes = read_file(partition() + "/control").or_throw();
    bytes[offsetof(Control, boot_id)] ^= 1;
    std::ofstream(partition() + "/control", std::ios::binary | std::ios::trunc) << bytes;
  }
  [[nodiscard]] std::string partition() const { return path + "/0"; }
  [[nodiscard]] std::string segment(std::uint64_t first) const { return partition() + "/" + segment_name(first); }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(partition()))
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }

  std::string path = (std::filesystem::temp_directory_path() / "tidings-log-XXXXXX").string();
  ManualClock clock{TimePoint{std::chrono::seconds{1'000}}};
  Silent silent;
  FileSystem* disk = &system_files();
  PartitionSetting setting;
};

inline Envelope event(std::string id, std::string payload = {}) {
  Envelope envelope;
  envelope.id = std::move(id);
  envelope.type = "t";
  envelope.payload = std::move(payload);
  return envelope;
}

inline Result<std::uint64_t> try_append(PartitionLog& log, const std::vector<Envelope>& events) {
  std::vector<EnvelopeView> views;
  for (const auto& one : events) views.push_back(one.view());
  std::vector<const EnvelopeView*> pointers;
  for (const auto& view : views) pointers.push_back(&view);
  return log.append(pointers, std::chrono::seconds{10});
}

inline std::uint64_t append(PartitionLog& log, const std::vector<Envelope>& events) {
  return try_append(log, events).or_throw();
}

/// The ids from `offset` on, or what went wrong.
inline Result<std::vector<std::string>> read_ids(PartitionLog& log, std::uint64_t offset = 0) {
  Cursor cursor(log);
  cursor.seek(offset);
  std::vector<std::string> ids;
  while (true) {
    auto item = cursor.next(log.visible_end());
    if (!item) return item.error();
    if (!*item) return ids;
    if ((*item)->offset != offset + ids.size()) return Error{"wrong_offset", "offsets are not dense"};
    ids.emplace_back((*item)->envelope.id);
  }
}

inline std::vector<std::string> numbers(std::size_t from, std::size_t to) {
  std::vector<std::string> names;
  for (auto i = from; i < to; ++i) names.push_back(std::to_string(i));
  return names;
}

inline std::size_t used_bytes(const std::string& bytes) {
  return bytes.find_last_not_of('\0') + 1;
}

inline void overwrite(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace tidings::log
