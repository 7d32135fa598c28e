#include "memory_disk.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace tidings::crash {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t names_bytes = (sizeof(MemoryDisk::Names) + page - 1) / page * page;
std::atomic<std::uint64_t> disks = 1;

[[noreturn]] void give_up(std::string_view why) {
  std::fprintf(stderr, "memory disk: %.*s\n", static_cast<int>(why.size()), why.data());
  std::abort();
}

Error not_found(const std::string& path) {
  return {"not_found", path + " is not there", Retry::never};
}

}  // namespace

MemoryDisk::Entry* MemoryDisk::Names::find(std::uint32_t directory, std::string_view name) {
  for (auto& entry : entries)
    if (entry.node != 0 && entry.directory == directory && name == entry.name) return &entry;
  return nullptr;
}

MemoryDisk::Entry* MemoryDisk::Names::put(std::uint32_t directory, std::string_view name, std::uint32_t node) {
  if (name.size() >= name_max) give_up("a name is too long");
  auto* entry = find(directory, name);
  for (auto* free = entries; entry == nullptr; ++free) {
    if (free == entries + entries_max) give_up("it has no room for another name");
    if (free->node == 0) entry = free;
  }
  *entry = {directory, node, {}};
  name.copy(entry->name, name.size());
  return entry;
}

bool operator==(const MemoryDisk::Image& a, const MemoryDisk::Image& b) {
  return std::memcmp(&a.names, &b.names, sizeof a.names) == 0 && a.bytes == b.bytes;
}

class MemoryDisk::OpenFile final : public File {
 public:
  OpenFile(MemoryDisk& disk, std::uint32_t node, std::string path) : disk_(disk), node_(node), path_(std::move(path)) {}
  ~OpenFile() override {
    const std::scoped_lock lock(disk_.mutex_);
    std::erase_if(disk_.locks_, [&](const Lock& one) { return one.owner == this; });
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  Result<std::size_t> read_at(std::span<std::byte> out, std::uint64_t offset) override {
    const std::scoped_lock lock(disk_.mutex_);
    const auto size = disk_.names_->nodes[node_].size;
    const auto got = std::min<std::uint64_t>(out.size(), size - std::min(size, offset));
    if (got > 0) std::memcpy(out.data(), disk_.bytes(node_) + offset, got);
    return got;
  }
  Result<> write_at(std::span<const std::byte> bytes, std::uint64_t offset) override {
    const std::scoped_lock lock(disk_.mutex_);
    disk_.grow(node_, offset + bytes.size());
    // As the kernel does it: from the beginning on, and a kill may come between.
    const auto size = bytes.size();
    std::size_t done = 0;
    for (const auto to : {std::min<std::size_t>(8, size), size / 2, size - std::min<std::size_t>(8, size), size}) {
      if (to <= done) continue;
      std::memcpy(disk_.bytes(node_) + offset + done, bytes.data() + done, to - done);
      done = to;
      disk_.step({.what = Step::wrote, .node = node_, .is_partial = done < size, .from = {}, .to = {}});
    }
    return {};
  }
  Result<> sync_data() override {
    const std::scoped_lock lock(disk_.mutex_);
    disk_.step({.what = Step::synced, .node = node_, .from = {}, .to = {}});
    return {};
  }
  Result<> allocate(std::uint64_t size) override {
    const std::scoped_lock lock(disk_.mutex_);
    disk_.grow(node_, size);
    disk_.step({.what = Step::grew, .node = node_, .from = {}, .to = {}});
    return {};
  }
  Result<std::uint64_t> size() override {
    const std::scoped_lock lock(disk_.mutex_);
    return disk_.names_->nodes[node_].size;
  }
  Result<FileId> id() override { return FileId{~disk_.number_, node_}; }
  Result<bool> is_named() override {
    const std::scoped_lock lock(disk_.mutex_);
    return std::ranges::any_of(disk_.names_->entries, [&](const auto& entry) { return entry.node == node_; });
  }
  Result<Mapping> map(std::uint64_t size, bool writable) override {
    if (size > disk_.file_bytes_max_) give_up("a mapping is too large");
    void* const at = ::mmap(nullptr, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, disk_.fd_,
                            static_cast<off_t>(names_bytes + node_ * disk_.file_bytes_max_));
    if (at == MAP_FAILED) give_up("no mapping");
    return Mapping(static_cast<std::byte*>(at), size);
  }
  Result<bool> try_lock(Range range) override {
    const std::scoped_lock lock(disk_.mutex_);
    if (held(range)) return false;
    disk_.give_back(node_, this, range);
    disk_.locks_.push_back({node_, this, range});
    return true;
  }
  Result<> unlock(Range range) override {
    const std::scoped_lock lock(disk_.mutex_);
    disk_.give_back(node_, this, range);
    return {};
  }
  Result<std::optional<Range>> held_by_others(Range range) override {
    const std::scoped_lock lock(disk_.mutex_);
    return held(range);
  }
  [[nodiscard]] const std::string& path() const override { return path_; }

 private:
  [[nodiscard]] std::optional<Range> held(Range range) const {
    for (const auto& one : disk_.locks_)
      if (one.node == node_ && one.owner != this && one.range.begin < range.begin + range.length &&
          range.begin < one.range.begin + one.range.length)
        return one.range;
    return std::nullopt;
  }

  MemoryDisk& disk_;
  std::uint32_t node_;
  std::string path_;
};

class MemoryDisk::OpenDirectory final : public Directory {
 public:
  OpenDirectory(MemoryDisk& disk, std::uint32_t node, std::string path)
      : disk_(disk), node_(node), path_(std::move(path)) {}

  Result<std::unique_ptr<Directory>> directory(std::string_view name, Create create) override {
    const std::scoped_lock lock(disk_.mutex_);
    auto node = found_or_made(name, create, Node::directory);
    if (!node) return node.error();
    return std::unique_ptr<Directory>(std::make_unique<OpenDirectory>(disk_, *node, path_of(name)));
  }
  Result<std::unique_ptr<File>> file(std::string_view name, Create create, bool) override {
    const std::scoped_lock lock(disk_.mutex_);
    auto node = found_or_made(name, create, Node::file);
    if (!node) return node.error();
    return std::unique_ptr<File>(std::make_unique<OpenFile>(disk_, *node, path_of(name)));
  }
  Result<std::vector<std::string>> list() override {
    const std::scoped_lock lock(disk_.mutex_);
    std::vector<std::string> names;
    for (const auto& entry : disk_.names_->entries)
      if (entry.node != 0 && entry.directory == node_) names.emplace_back(entry.name);
    std::ranges::sort(names);
    return names;
  }
  Result<> rename(std::string_view from, std::string_view to) override { return rename(from, to, false); }
  Result<> replace(std::string_view from, std::string_view to) override { return rename(from, to, true); }
  Result<> remove_file(std::string_view name) override { return remove(name); }
  Result<> remove_directory(std::string_view name) override { return remove(name); }
  Result<> sync() override {
    const std::scoped_lock lock(disk_.mutex_);
    disk_.step({.what = Step::synced_directory, .node = node_, .from = {}, .to = {}});
    return {};
  }
  Result<std::optional<std::string>> foreign_file_system() override { return std::optional<std::string>{}; }
  [[nodiscard]] const std::string& path() const override { return path_; }

 private:
  [[nodiscard]] std::string path_of(std::string_view name) const { return path_ + "/" + std::string(name); }

  Result<std::uint32_t> found_or_made(std::string_view name, Create create, Node::Kind kind) {
    const auto* const entry = disk_.names_->find(node_, name);
    if (entry == nullptr && create == Create::never) return not_found(path_of(name));
    if (entry != nullptr && create == Create::must) return Error{"exists", path_of(name) + " exists", Retry::never};
    if (entry != nullptr) {
      if (disk_.names_->nodes[entry->node].kind == kind) return entry->node;
      return Error{kind == Node::directory ? "not_a_directory" : "not_a_file", path_of(name), Retry::never};
    }
    const auto node = disk_.make(kind);
    disk_.names_->put(node_, name, node);
    disk_.step({.what = Step::made, .node = node_, .from = {}, .to = std::string(name)});
    return node;
  }
  Result<> rename(std::string_view from, std::string_view to, bool replaces) {
    const std::scoped_lock lock(disk_.mutex_);
    auto* const old = disk_.names_->find(node_, from);
    if (old == nullptr) return not_found(path_of(from));
    auto* const there = disk_.names_->find(node_, to);
    if (there != nullptr && !replaces) return Error{"exists", path_of(to) + " exists", Retry::never};
    std::atomic_ref(disk_.names_->renaming).store(1);
    if (there != nullptr) there->node = 0;
    const auto node = old->node;
    old->node = 0;
    disk_.names_->put(node_, to, node);
    std::atomic_ref(disk_.names_->renaming).store(0);
    disk_.step(
        {.what = Step::renamed, .node = node_, .from = std::string(from), .to = std::string(to), .replaces = replaces});
    return {};
  }
  Result<> remove(std::string_view name) {
    const std::scoped_lock lock(disk_.mutex_);
    auto* const entry = disk_.names_->find(node_, name);
    if (entry == nullptr) return not_found(path_of(name));
    for (const auto& within : disk_.names_->entries)
      if (within.node != 0 && within.directory == entry->node)
        return Error{"exists", path_of(name) + " is not empty", Retry::never};
    entry->node = 0;
    disk_.step({.what = Step::removed, .node = node_, .from = {}, .to = std::string(name)});
    return {};
  }

  MemoryDisk& disk_;
  std::uint32_t node_;
  std::string path_;
};

MemoryDisk::MemoryDisk(std::uint64_t file_bytes_max)
    : file_bytes_max_(file_bytes_max),
      region_bytes_(names_bytes + nodes_max * file_bytes_max),
      number_(disks.fetch_add(1)) {
  fd_ = ::memfd_create("tidings-disk", MFD_CLOEXEC);
  if (fd_ < 0 || ::ftruncate(fd_, static_cast<off_t>(region_bytes_)) != 0) give_up("no memory");
  auto* const at = ::mmap(nullptr, region_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (at == MAP_FAILED) give_up("no memory");
  names_ = static_cast<Names*>(at);
  data_ = static_cast<std::byte*>(at) + names_bytes;
  names_->count = 1;
  names_->nodes[0].kind = Node::directory;
}

MemoryDisk::~MemoryDisk() {
  ::munmap(names_, region_bytes_);
  ::close(fd_);
}

Result<std::unique_ptr<Directory>> MemoryDisk::open(const std::string& path, bool create) {
  std::unique_ptr<Directory> at = std::make_unique<OpenDirectory>(*this, 0, "");
  for (std::size_t begin = 0; begin < path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    if (end > begin) {
      const auto count = names_->count;
      auto next = at->directory(std::string_view(path).substr(begin, end - begin),
                                create ? Directory::Create::if_missing : Directory::Create::never);
      if (!next) return next.error();
      if (create && names_->count != count) (void)at->sync();
      at = std::move(*next);
    }
    begin = end + 1;
  }
  return at;
}

std::uint32_t MemoryDisk::make(Node::Kind kind) {
  if (names_->count == nodes_max) give_up("it has no room for another file");
  const auto node = names_->count++;
  names_->nodes[node] = {kind, 0};
  return node;
}

/// What a file did not have before is 0, whatever stands in that memory.
void MemoryDisk::grow(std::uint32_t node, std::uint64_t size) {
  auto& now = names_->nodes[node].size;
  if (size <= now) return;
  if (size > file_bytes_max_) give_up("a file is too large");
  std::memset(bytes(node) + now, 0, size - now);
  now = size;
}

void MemoryDisk::give_back(std::uint32_t node, const OpenFile* owner, File::Range range) {
  std::vector<Lock> kept;
  const auto end = range.begin + range.length;
  for (const auto& one : locks_) {
    const auto one_end = one.range.begin + one.range.length;
    if (one.node != node || one.owner != owner || one.range.begin >= end || range.begin >= one_end) {
      kept.push_back(one);
      continue;
    }
    if (one.range.begin < range.begin) kept.push_back({node, owner, {one.range.begin, range.begin - one.range.begin}});
    if (one_end > end) kept.push_back({node, owner, {end, one_end - end}});
  }
  locks_ = std::move(kept);
}

MemoryDisk::Image MemoryDisk::take() const {
  Image image{*names_, {}};
  image.bytes.resize(names_->count);
  for (std::uint32_t node = 1; node < names_->count; ++node) {
    const auto* const at = reinterpret_cast<const char*>(bytes(node));
    auto used = names_->nodes[node].size;
    while (used % 8 != 0 && at[used - 1] == 0) --used;
    if (used % 8 == 0)
      for (std::uint64_t word = 0; used > 0; used -= 8) {
        std::memcpy(&word, at + used - 8, 8);
        if (word != 0) break;
      }
    image.bytes[node].assign(at, used);
  }
  return image;
}

void MemoryDisk::load(const Image& image) {
  if (!locks_.empty()) give_up("somebody has a lock of what is to be overwritten");
  std::memcpy(names_, &image.names, sizeof *names_);
  for (std::uint32_t node = 1; node < names_->count; ++node) {
    const auto& from = image.bytes[node];
    std::memcpy(bytes(node), from.data(), from.size());
    std::memset(bytes(node) + from.size(), 0, names_->nodes[node].size - from.size());
  }
}

bool MemoryDisk::is(const Image& image) const {
  if (std::memcmp(names_, &image.names, sizeof *names_) != 0) return false;
  for (std::uint32_t node = 1; node < names_->count; ++node) {
    const auto& known = image.bytes[node];
    const auto* const at = reinterpret_cast<const char*>(bytes(node));
    if (std::memcmp(at, known.data(), known.size()) != 0) return false;
    for (auto i = known.size(); i < names_->nodes[node].size; i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at + i, std::min<std::uint64_t>(8, names_->nodes[node].size - i));
      if (word != 0) return false;
    }
  }
  return true;
}

std::uint32_t MemoryDisk::find(std::string_view path) const {
  std::uint32_t at = 0;
  for (std::size_t begin = 0; begin < path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    const auto* const entry = names_->find(at, path.substr(begin, end - begin));
    if (entry == nullptr) return 0;
    at = entry->node;
    begin = end + 1;
  }
  return at;
}

void MemoryDisk::put(const std::string& path, std::string_view bytes) {
  const auto slash = path.rfind('/');
  auto folder = open(slash == path.npos ? "" : path.substr(0, slash), true).or_throw();
  (void)folder->file(path.substr(slash + 1), Directory::Create::if_missing, true).or_throw();
  const auto node = find(path);
  grow(node, bytes.size());
  std::memcpy(this->bytes(node), bytes.data(), bytes.size());
  names_->nodes[node].size = bytes.size();
}

std::string MemoryDisk::get(std::string_view path) const {
  const auto node = find(path);
  if (node == 0) return {};
  return {reinterpret_cast<const char*>(bytes(node)), names_->nodes[node].size};
}

void MemoryDisk::remove(std::string_view path) {
  const auto node = find(path);
  for (auto& entry : names_->entries)
    if (node != 0 && entry.node == node) entry.node = 0;
}

}  // namespace tidings::crash
