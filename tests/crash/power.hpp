#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "memory_disk.hpp"
#include "tidings/base/entropy.hpp"

namespace tidings::crash {

/// What a power cut may leave of a disk. Nothing that was not synced is for sure: of each page of 4 KiB any version
/// since the file's last sync may be there, in its sectors of 512 bytes even different ones; the file may have any of
/// its sizes; of what was done to a directory since its sync, any part, in order or not.
class Power {
 public:
  static constexpr std::size_t page_bytes = 4096, sector_bytes = 512;
  using Page = std::shared_ptr<const std::string>;

  struct File {
    std::map<std::size_t, std::vector<Page>> pages;  ///< versions; the first is on the device. Others are zeros
    std::vector<std::uint64_t> sizes;                ///< the same
  };
  struct Folder {
    std::map<std::string, std::uint32_t> on_device;
    std::vector<MemoryDisk::Step> done;  ///< since
    std::vector<std::uint32_t> nodes;    ///< of what was made or renamed, beside each
  };
  /// All that may be left, if the power goes now.
  struct Moment {
    std::map<std::uint32_t, File> files;
    std::map<std::uint32_t, Folder> folders;
    MemoryDisk::Names names;
  };

  /// What stands on the disk is synced. Follows it from now on, until it goes.
  explicit Power(MemoryDisk& disk);
  ~Power() { disk_.on_step = nullptr; }
  Power(const Power&) = delete;
  Power& operator=(const Power&) = delete;

  /// Called behind each step, and before each sync.
  std::function<void()> on_step;
  /// A sync that is not done: for counter-proofs. `of` is the path, and of a directory ends with a slash.
  std::function<bool(const std::string& of)> forgets;

  /// Looks for stores into mappings.
  void look();
  [[nodiscard]] const Moment& now() const { return now_; }

 private:
  void took(const MemoryDisk::Step& step);
  [[nodiscard]] std::string path_of(std::uint32_t node) const;

  MemoryDisk& disk_;
  Moment now_;
};

/// Pictures of a moment, one for each way in which it may end.
class Pictures {
 public:
  explicit Pictures(const Power::Moment& moment);

  /// Ways in which each page, and each directory's last change, is there or not; more than `2^62` count as that.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The n-th of those.
  [[nodiscard]] MemoryDisk::Image whole(std::uint64_t n) const;
  /// One at random, with pages of between, torn ones, and names in any order.
  [[nodiscard]] MemoryDisk::Image torn(SeededEntropy& entropy) const;

 private:
  using Choose = std::function<std::size_t(std::size_t)>;  ///< one of so many
  [[nodiscard]] MemoryDisk::Image make(const Choose& page, const Choose& size, const Choose& names, bool in_order,
                                       SeededEntropy* torn) const;

  const Power::Moment& moment_;
  std::uint64_t count_ = 1;
};

}  // namespace tidings::crash
