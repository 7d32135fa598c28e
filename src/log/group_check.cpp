#include "log/group_check.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include "log/layout.hpp"

namespace tidings::log {
namespace {

/// A record that is written just now may be seen by halves; who writes it holds its partition.
constexpr int reads_max = 5;

struct Slot {
  GroupRecord record;
  bool is_written = false;
  bool is_whole = false;
};

Result<Slot> read_slot(File& file, std::uint32_t partition, int number) {
  Slot slot;
  bool is_settled = false;
  for (int read = 0; read < reads_max && !slot.is_whole; ++read) {
    if (read > 0) {
      auto held = file.held_by_others({holders_begin + partition, 1});
      if (held && !*held && std::exchange(is_settled, true)) return slot;  // and nobody held it before the last look
      if (!held || *held) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    auto got = file.read_at(std::as_writable_bytes(std::span{&slot.record, 1}), record_place(partition, number));
    if (!got) return got.error();
    if (*got != sizeof slot.record) return slot;  // told once, for the file
    // All zeros, and not only the sequence: a reader takes that for one that was never written.
    slot.is_written = false;
    for (const auto byte : std::as_bytes(std::span{&slot.record, 1})) slot.is_written |= byte != std::byte{0};
    if (!slot.is_written) return slot;
    slot.is_whole = slot.record.sequence != 0 && slot.record.checksum == checksum_of(slot.record, partition + 1);
  }
  return slot;
}

class GroupCheck {
 public:
  GroupCheck(Checking& checking, Directory& topic, File& file, std::string name, bool durable)
      : checking_(checking), topic_(topic), file_(file), name_(std::move(name)), durable_(durable) {}

  Result<> partition(std::uint32_t number, const PartitionSeen* seen) {
    Slot slots[2];
    const GroupRecord* newest = nullptr;
    int damaged = 0;
    for (int i = 0; i < 2; ++i) {
      auto slot = read_slot(file_, number, i);
      if (!slot) return slot.error();
      slots[i] = *slot;
      if (slots[i].is_whole && (newest == nullptr || newest->sequence < slots[i].record.sequence))
        newest = &slots[i].record;
      if (slots[i].is_written && !slots[i].is_whole) ++damaged;
    }
    for (int i = 0; i < 2; ++i) {
      if (!slots[i].is_written || slots[i].is_whole) continue;
      const auto other = newest != nullptr ? "; the other one counts, which may be the older: events come again"
                                           : "; the other one was never written, so the group begins anew there";
      add(number, i, damaged == 2 ? Severity::error : Severity::note, "damaged_record",
          damaged == 2 ? "both records of partition " + std::to_string(number) + " are damaged"
                       : "one of the two records of partition " + std::to_string(number) + " is damaged" + other);
    }
    if (newest == nullptr || seen == nullptr) return {};
    return position(number, newest == &slots[1].record ? 1 : 0, *newest, *seen);
  }

 private:
  Result<> position(std::uint32_t number, int slot, const GroupRecord& record, const PartitionSeen& seen) {
    if (seen.is_there && !seen.is_judged) return {};  // it is damaged, and that was told
    auto end = seen.end;
    auto epoch = seen.epoch;
    if (seen.is_in_use) {
      // It went on since it was looked at.
      auto partition = topic_.directory(std::to_string(number), Directory::Create::never);
      if (!partition) return partition.error();
      auto view = look_at_control(topic_, **partition, number, checking_.boot);
      if (!view) return view.error();
      if (!view->is_current()) return {};
      end = std::max(end, view->committed);
      epoch = std::max(epoch, view->epoch);
    }
    const auto at = std::to_string(record.position);
    if (record.position > end) {
      // In a durable topic a group passes what is synced only.
      add(number, slot, durable_ ? Severity::error : Severity::note, "position_beyond_end",
          "stands at offset " + at + " of partition " + std::to_string(number) + ", whose events end at " +
              std::to_string(end) + "; its next member goes on there");
      return {};
    }
    for (const auto& [of, first] : seen.epochs) {
      if (of <= record.epoch || first >= record.position) continue;
      add(number, slot, Severity::note, "position_taken_back",
          "stood at offset " + at + " of partition " + std::to_string(number) + " in epoch " +
              std::to_string(record.epoch) + "; a power cut took events back, and its next member goes on at " +
              std::to_string(first));
      return {};
    }
    if (record.position < seen.earliest)
      add(number, slot, Severity::note, "position_removed",
          "stands at offset " + at + " of partition " + std::to_string(number) + ", which begins at " +
              std::to_string(seen.earliest) + ": " + std::to_string(seen.earliest - record.position) +
              " events were removed before it read them");
    return {};
  }

  void add(std::uint32_t number, int slot, Severity severity, std::string code, std::string why) {
    checking_.findings.add({severity, std::move(code), name_, record_place(number, slot), {}, std::move(why)});
  }

  Checking& checking_;
  Directory& topic_;
  File& file_;
  std::string name_;
  bool durable_;
};

}  // namespace

Result<> check_group(Checking& checking, Directory& topic, Directory& groups, const std::string& topic_name,
                     const std::string& group, std::uint32_t count, bool durable,
                     const std::map<std::uint32_t, PartitionSeen>& partitions) {
  const auto name = topic_name + "/groups/" + group;
  auto file = groups.file(group, Directory::Create::never, false);
  if (!file) return checking.failed(file.error(), name);
  ++checking.summary.groups;
  auto size = (*file)->size();
  if (!size) return checking.failed(size.error(), name);
  GroupHeader header;
  auto got = (*file)->read_at(std::as_writable_bytes(std::span{&header, 1}), 0);
  if (!got) return checking.failed(got.error(), name);
  const auto wrong = [&](std::string code, std::uint64_t byte, std::string why) -> Result<> {
    checking.findings.add({Severity::error, std::move(code), name, byte, {}, std::move(why)});
    return {};
  };
  if (*got != sizeof header) return wrong("bad_header", 0, "shorter than the header of a group's file");
  if (header.magic != GroupHeader::magic_value) return wrong("bad_header", 0, "does not begin as a group's file does");
  if (header.checksum != checksum_of(header))
    return wrong("bad_header", offsetof(GroupHeader, checksum), "the header's checksum is wrong");
  if (header.version > GroupHeader{}.version)
    return wrong("newer_version", offsetof(GroupHeader, version),
                 "of format version " + std::to_string(header.version) + "; run a newer program");
  if (header.partitions == 0 || header.partitions > partitions_max || (count != 0 && header.partitions != count))
    return wrong("wrong_header", offsetof(GroupHeader, partitions),
                 "of a topic with " + std::to_string(header.partitions) + " partitions, and this one has " +
                     std::to_string(count));
  const auto whole = record_place(header.partitions, 0);
  if (*size < whole)
    if (auto told = wrong("wrong_size", *size,
                          "has " + std::to_string(*size) + " bytes, its header says " + std::to_string(whole) +
                              ": records are missing, and its members are refused until it is moved (`tidings seek`), "
                              "restored or moved "
                              "away");
        !told)
      return told;
  if (*size > group_bytes(header.partitions))
    checking.note("wrong_size", name,
                  "has " + std::to_string(*size - group_bytes(header.partitions)) +
                      " bytes behind its records and tables, which nobody reads");
  GroupCheck check(checking, topic, **file, name, durable);
  for (std::uint32_t number = 0; number < header.partitions; ++number) {
    const auto seen = partitions.find(number);
    auto done = check.partition(number, seen == partitions.end() ? nullptr : &seen->second);
    if (!done)
      if (auto failed = checking.failed(done.error(), name); !failed) return failed;
  }
  return {};
}

}  // namespace tidings::log
