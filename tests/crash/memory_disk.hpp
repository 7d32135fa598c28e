#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/file_system.hpp"

namespace tidings::crash {

/// A disk in memory, for tests that need thousands of them. It lies in one region of shared memory, names and bytes: a
/// child of a fork changes the same one, mappings are real, and a copy of the region is what a SIGKILL leaves of a page
/// cache. Locks are not in it: they end with the process. Thread-safe but for `take` and `load`.
class MemoryDisk final : public FileSystem {
 public:
  static constexpr std::size_t nodes_max = 96, entries_max = 96, name_max = 104;

  struct Node {
    enum Kind : std::uint64_t { none, file, directory } kind;  // no padding: names are compared as bytes
    std::uint64_t size;
  };
  /// A name; free where `node` is 0, which is the root.
  struct Entry {
    std::uint32_t directory;
    std::uint32_t node;
    char name[name_max];
  };
  struct Names {
    std::uint32_t count;     ///< of nodes that were ever made; none is used twice
    std::uint32_t renaming;  ///< 1: half of what the kernel does in one step is done
    Node nodes[nodes_max];
    Entry entries[entries_max];

    [[nodiscard]] Entry* find(std::uint32_t directory, std::string_view name);
    Entry* put(std::uint32_t directory, std::string_view name, std::uint32_t node);
  };

  /// What stands on the disk: of each file its bytes up to the last that is not 0.
  struct Image {
    Names names;
    std::vector<std::string> bytes;  // by node
    friend bool operator==(const Image& a, const Image& b);
  };

  /// What was just done. In a write there are several, of which all but the last are partial.
  struct Step {
    enum What { wrote, grew, synced, made, renamed, removed, synced_directory } what;
    std::uint32_t node = 0;  ///< the file; of what is done to names, the directory
    bool is_partial = false;
    std::string from, to;  ///< names: what was made, or removed, is `to`
    bool replaces = false;
  };

  explicit MemoryDisk(std::uint64_t file_bytes_max = 64 << 10);
  ~MemoryDisk() override;
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  Result<std::unique_ptr<Directory>> open(const std::string& path, bool create) override;

  /// Called behind each step, with the disk locked: it may look, and take an image.
  std::function<void(const Step&)> on_step;

  [[nodiscard]] Image take() const;
  /// Nobody has anything of the disk open.
  void load(const Image& image);
  [[nodiscard]] bool is(const Image& image) const;

  [[nodiscard]] Names& names() const { return *names_; }
  /// A file's place in memory, of `file_bytes_max`.
  [[nodiscard]] std::byte* bytes(std::uint32_t node) const { return data_ + node * file_bytes_max_; }
  /// 0: there is none of that path.
  [[nodiscard]] std::uint32_t find(std::string_view path) const;
  /// Made, or replaced, with all its folders.
  void put(const std::string& path, std::string_view bytes);
  [[nodiscard]] std::string get(std::string_view path) const;
  void remove(std::string_view path);

 private:
  class OpenFile;
  class OpenDirectory;
  struct Lock {
    std::uint32_t node;
    const OpenFile* owner;
    File::Range range;
  };

  void step(const Step& what) const {
    if (on_step) on_step(what);
  }
  void grow(std::uint32_t node, std::uint64_t size);
  std::uint32_t make(Node::Kind kind);
  void give_back(std::uint32_t node, const OpenFile* owner, File::Range range);

  std::recursive_mutex mutex_;  // of the process; one at a time changes a disk
  int fd_ = -1;
  std::uint64_t file_bytes_max_, region_bytes_;
  Names* names_ = nullptr;
  std::byte* data_ = nullptr;
  std::vector<Lock> locks_;
  std::uint64_t number_;
};

}  // namespace tidings::crash
