#include "log/group_file.hpp"

#include <algorithm>

#include "log/drafts.hpp"
#include "log/layout.hpp"
#include "log/locked_ranges.hpp"

namespace tidings::log {

namespace {

Error gone(const std::string& path) {
  return {"group_gone", path + " was deleted just now; try again", Retry::same_call};
}

GroupHeader header_of(std::uint32_t partitions) {
  GroupHeader header;
  header.partitions = partitions;
  header.checksum = checksum_of(header);
  return header;
}

/// With a header that says the same, and room for all records.
Result<> check(File& file, std::uint32_t partitions) {
  GroupHeader there;
  auto got = file.read_at(std::as_writable_bytes(std::span{&there, 1}), 0);
  if (!got) return got.error();
  if (*got != sizeof there || there.magic != GroupHeader::magic_value || there.checksum != checksum_of(there))
    return Error{"corrupt",
                 file.path() +
                     " has a damaged header; seek the group to where it shall go on, or move the file away, "
                     "and the group begins anew",
                 Retry::never};
  if (there.version > GroupHeader{}.version)
    return Error{"newer_version",
                 file.path() + " has format version " + std::to_string(there.version) + "; run a newer program",
                 Retry::never};
  if (there.partitions != partitions)
    return Error{"corrupt",
                 file.path() + " is of a topic with " + std::to_string(there.partitions) +
                     " partitions; seek the group to where it shall go on, or move the file away",
                 Retry::never};
  // It has its size from the beginning. What is cut off is not taken for records that were never written.
  auto size = file.size();
  if (!size) return size.error();
  if (*size < record_place(partitions, 0))
    return Error{"corrupt",
                 file.path() + " has " + std::to_string(*size) + " bytes in place of " +
                     std::to_string(record_place(partitions, 0)) +
                     "; restore it from a copy, seek the group to where it shall go on, or move the file away, and "
                     "the group begins anew",
                 Retry::never};
  return {};
}

}  // namespace

Result<GroupFile> GroupFile::open(Directory& groups, const std::string& group, std::uint32_t partitions,
                                  const Slots* maker) {
  auto file = open_file(groups, group, partitions, maker);
  if (!file) return file.error();
  return checked(std::move(*file), partitions);
}

Result<GroupFile> GroupFile::open_to_move(Directory& groups, const std::string& group, std::uint32_t partitions,
                                          const Slots& maker) {
  auto file = open_file(groups, group, partitions, &maker);
  if (!file) return file.error();
  if (auto good = check(**file, partitions); !good && good.error().code != "corrupt") return good.error();
  return GroupFile(std::move(*file), partitions);
}

Result<> GroupFile::begin_mending() {
  const auto partitions = static_cast<std::uint32_t>(slots_.size());
  auto good = check(*file_, partitions);
  if (good || good.error().code != "corrupt") return good;
  is_mending_ = true;
  const GroupHeader none{.magic = 0};
  if (auto done = file_->write_at(std::as_bytes(std::span{&none, 1}), 0); !done) return done;
  return file_->allocate(group_bytes(partitions));
}

Result<> GroupFile::end_mending() {
  if (!is_mending_) return {};
  const auto header = header_of(static_cast<std::uint32_t>(slots_.size()));
  if (auto done = sync(); !done) return done;
  return file_->write_at(std::as_bytes(std::span{&header, 1}), 0);
}

Result<std::unique_ptr<File>> GroupFile::open_file(Directory& groups, const std::string& group,
                                                   std::uint32_t partitions, const Slots* maker) {
  const auto header = header_of(partitions);
  auto file = groups.file(group, Directory::Create::never);
  if (!file && file.error().code == "not_found" && maker != nullptr) {
    // Written whole under another name, so that nobody sees half of it. '~' stands in no group's name.
    remove_dead_drafts(groups, *maker);
    const auto draft = draft_name(group, *maker);
    auto made = groups.file(draft, Directory::Create::must);
    if (!made) return made.error();
    Result<> done = (*made)->allocate(group_bytes(partitions));
    if (done) done = (*made)->write_at(std::as_bytes(std::span{&header, 1}), 0);
    if (done) done = (*made)->sync_data();
    if (done) done = groups.rename(draft, group);
    if (!done) {
      (void)groups.remove_file(draft).has_value();
      if (done.error().code != "exists") return done.error();  // somebody else was faster
    } else if (auto synced = groups.sync(); !synced) {
      return synced.error();
    }
    file = groups.file(group, Directory::Create::never);
    if (!file && file.error().code == "not_found") return gone(groups.path() + "/" + group);
  }
  return file;
}

Result<GroupFile> GroupFile::open_to_read(Directory& groups, const std::string& group, std::uint32_t partitions) {
  auto file = groups.file(group, Directory::Create::never, false);
  if (!file) return file.error();
  return checked(std::move(*file), partitions);
}

Result<GroupFile> GroupFile::checked(std::unique_ptr<File> file, std::uint32_t partitions) {
  if (auto good = check(*file, partitions); !good) return good.error();
  return GroupFile(std::move(file), partitions);
}

Result<std::optional<GroupRecord>> GroupFile::read(std::uint32_t partition) const {
  std::optional<GroupRecord> newest;
  int damaged = 0;
  for (int slot = 0; slot < 2; ++slot) {
    GroupRecord record;
    auto got = file_->read_at(std::as_writable_bytes(std::span{&record, 1}), record_place(partition, slot));
    if (!got) return got.error();
    if (*got != sizeof record || record.sequence == 0) continue;
    if (record.checksum != checksum_of(record, partition + 1)) {
      ++damaged;
      continue;
    }
    if (newest && newest->sequence >= record.sequence) continue;
    newest = record;
    slots_[partition] = slot;
  }
  // The very first, before anything was handled, of a writer that died or failed in it: as if it had not begun.
  if (damaged < 2) return newest;
  return Error{"corrupt",
               file_->path() + ": both records of partition " + std::to_string(partition) +
                   " are damaged; its other partitions go on. Seek the group to where it shall go on, or move the file "
                   "away, and the group begins anew",
               Retry::never};
}

Result<> GroupFile::write(std::uint32_t partition, GroupRecord record) {
  const int slot = 1 - slots_[partition];
  record.checksum = checksum_of(record, partition + 1);
  auto done = file_->write_at(std::as_bytes(std::span{&record, 1}), record_place(partition, slot));
  if (done) slots_[partition] = slot;
  return done;
}

Result<> GroupFile::join() {
  for (std::uint32_t byte = 0; byte < members_max; ++byte) {
    auto taken = file_->try_lock({members_begin + byte, 1});
    if (!taken) return taken.error();
    if (!*taken) continue;
    member_ = byte;
    // Whoever deletes it has all members' bytes until it is gone: a member is seen by him, or sees here that it is.
    auto named = is_named();
    if (!named) return named.error();
    if (!*named) return gone(file_->path());
    const auto bytes = group_bytes(static_cast<std::uint32_t>(slots_.size()));
    if (auto grown = file_->allocate(bytes); !grown) return grown;
    // After the lock: a child of a fork would keep it by an inherited mapping too.
    auto mapping = file_->map(bytes, true);
    if (!mapping) return mapping.error();
    mapping_ = std::move(*mapping);
    return {};
  }
  // A member holds a single byte; whoever deletes the group, all of them.
  auto held = file_->held_by_others({members_begin, members_max});
  if (!held) return held.error();
  if (!*held || (*held)->length > 1) return gone(file_->path());
  return Error{"too_many_members", file_->path() + ": the group has 1,024 members already; end some", Retry::same_call};
}

Result<> GroupFile::leave() {
  // Said, and not left to the file's end: what is mapped keeps the file, and with it the locks.
  auto done = file_->unlock({members_begin, holders_begin + partitions_max - members_begin});
  file_.reset();
  return done;
}

Result<GroupFile::Membership> GroupFile::membership() const {
  Membership membership{0, 1};
  auto done = for_each_lock(*file_, {members_begin, members_max}, [&](File::Range one) {
    membership.count += static_cast<std::uint32_t>(one.length);
    if (one.begin < members_begin + member_) ++membership.rank;  // a member holds a single byte
  });
  if (!done) return done.error();
  return membership;
}

InFlightTable GroupFile::in_flight(std::uint32_t partition) const {
  return InFlightTable(mapping_.data() + in_flight_place(static_cast<std::uint32_t>(slots_.size()), partition));
}

Result<bool> GroupFile::has_members() const {
  auto held = file_->held_by_others({members_begin, members_max});
  if (!held) return held.error();
  return held->has_value();
}

Result<bool> GroupFile::try_hold(std::uint32_t partition) {
  return file_->try_lock({holders_begin + partition, 1});
}

Result<> GroupFile::release(std::uint32_t partition) {
  return file_->unlock({holders_begin + partition, 1});
}

Result<bool> GroupFile::is_held_by_other(std::uint32_t partition) const {
  auto held = file_->held_by_others({holders_begin + partition, 1});
  if (!held) return held.error();
  return held->has_value();
}

}  // namespace tidings::log
