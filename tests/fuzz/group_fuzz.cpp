// Groups' files: a flag, the partitions that the topic has, and the file. What is read is compared with the bytes.
#include <optional>

#include "log/layout.hpp"
#include "real_log.hpp"

namespace tidings::fuzzing {
namespace {

using log::GroupHeader;
using log::GroupRecord;

constexpr std::uint8_t mends_records = 2;
constexpr std::uint8_t verifies = 1;  // in the bits above, so that few do: a damaged record takes milliseconds there

void mend(std::span<std::byte> file, std::uint8_t flags, std::uint32_t partitions) {
  GroupHeader header;
  if (!load(file, 0, header)) return;
  if ((flags & mends) != 0) {
    header.partitions = partitions;
    header.checksum = log::checksum_of(header);
    store(file, 0, header);
  }
  GroupRecord record;
  if ((flags & mends_records) != 0)
    for (std::uint32_t partition = 0; partition < partitions; ++partition)
      for (int slot = 0; slot < 2; ++slot) {
        if (!load(file, log::record_place(partition, slot), record)) return;
        record.checksum = log::checksum_of(record, partition + 1);
        store(file, log::record_place(partition, slot), record);
      }
}

/// By the format's text: the whole slot with the higher sequence counts.
std::optional<GroupRecord> newest(std::span<const std::byte> file, std::uint32_t partition, int& damaged) {
  std::optional<GroupRecord> found;
  for (int slot = 0; slot < 2; ++slot) {
    GroupRecord record;
    if (!load(file, log::record_place(partition, slot), record) || record.sequence == 0) continue;
    if (record.checksum != log::checksum_of(record, partition + 1))
      ++damaged;
    else if (!found || record.sequence > found->sequence)
      found = record;
  }
  return found;
}

}  // namespace

void try_input(Bytes input) {
  static const RealLog real;
  static const auto groups = system_files()
                                 .open(real.path() + "/orders", false)
                                 .or_throw()
                                 ->directory("groups", Directory::Create::never)
                                 .or_throw();
  Input in(input);
  const auto flags = in.take<std::uint8_t>();
  const std::uint32_t partitions = in.take<std::uint8_t>() % 8 + 1U;
  auto file = in.copy();
  mend(file, flags, partitions);
  real.folder().write(RealLog::group, file);
  auto opened = log::GroupFile::open_to_read(*groups, "readers", partitions);
  GroupHeader header;
  const bool is_one = load(file, 0, header) && header.magic == GroupHeader::magic_value && header.version == 0 &&
                      header.partitions == partitions && header.checksum == log::checksum_of(header) &&
                      file.size() >= log::record_place(partitions, 0);
  require(opened.has_value() == is_one,
          "a group's file is opened where its header is right and all records have their place");
  const bool is_told = flags >> 2 != verifies || verify(real.path()) > 0;
  if (!opened) {
    require(is_told, "a file that is not opened is told by verify");
    return;
  }
  for (std::uint32_t partition = 0; partition < partitions; ++partition) {
    int damaged = 0;
    const auto wanted = newest(file, partition, damaged);
    const auto got = opened->read(partition);
    require(got.has_value() == (damaged < 2), "a position is refused where both slots are damaged, and only there");
    if (!got && partitions == RealLog::partitions) require(is_told, "what is refused is told by verify");
    if (!got) continue;
    require(got->has_value() == wanted.has_value(), "a record that is whole is found");
    if (wanted) require(std::memcmp(&**got, &*wanted, sizeof *wanted) == 0, "the newest whole record counts");
  }
}

std::vector<std::string> seeds() {
  const RealLog real;
  // Without what is in flight: it has checks of its own, word by word, and nobody reads it here.
  const auto file = real.folder().read(RealLog::group).substr(0, log::record_place(RealLog::partitions, 0));
  std::vector<std::string> all;
  for (const char flag : {'\0', '\3', '\4', '\7'}) all.push_back(std::string{flag, '\1'} + file);
  return all;
}

}  // namespace tidings::fuzzing
