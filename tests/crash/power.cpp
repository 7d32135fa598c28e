#include "power.hpp"

#include <algorithm>
#include <cstring>

namespace tidings::crash {
namespace {

using Step = MemoryDisk::Step;

const std::string& zeros() {
  static const std::string page(Power::page_bytes, '\0');
  return page;
}

/// Hints that count for nothing after a reboot; they are in pictures at random only.
bool is_of_the_boot(const MemoryDisk::Names& names, std::uint32_t node) {
  return std::ranges::any_of(names.entries, [&](const MemoryDisk::Entry& entry) {
    return entry.node == node && std::string_view(entry.name) == "slots.lock";
  });
}

}  // namespace

Power::Power(MemoryDisk& disk) : disk_(disk) {
  const auto& names = disk.names();
  now_.names = names;
  now_.folders[0];
  for (std::uint32_t node = 1; node < names.count; ++node) {
    if (names.nodes[node].kind == MemoryDisk::Node::directory)
      now_.folders[node];
    else
      now_.files[node].sizes = {names.nodes[node].size};
  }
  for (const auto& entry : names.entries)
    if (entry.node != 0) now_.folders[entry.directory].on_device[entry.name] = entry.node;
  look();
  for (auto& [node, file] : now_.files)
    for (auto& [page, versions] : file.pages) versions = {versions.back()};
  disk.on_step = [this](const Step& step) { took(step); };
}

void Power::look() {
  const auto& names = disk_.names();
  for (auto& [node, file] : now_.files) {
    const auto size = names.nodes[node].size;
    if (file.sizes.back() != size) file.sizes.push_back(size);
    for (std::size_t page = 0; page * page_bytes < size; ++page) {
      const auto* const at = reinterpret_cast<const char*>(disk_.bytes(node)) + page * page_bytes;
      const auto bytes = std::min<std::size_t>(page_bytes, size - page * page_bytes);
      const auto known = file.pages.find(page);
      const auto& last = known == file.pages.end() ? zeros() : *known->second.back();
      if (std::memcmp(at, last.data(), bytes) == 0) continue;
      auto& versions = file.pages[page];
      if (versions.empty()) versions.push_back(std::make_shared<const std::string>(zeros()));
      std::string now(at, bytes);
      now.resize(page_bytes);
      versions.push_back(std::make_shared<const std::string>(std::move(now)));
    }
  }
  now_.names = names;
}

std::string Power::path_of(std::uint32_t node) const {
  if (node == 0) return "/";
  const auto& names = disk_.names();
  for (const auto& entry : names.entries)
    if (entry.node == node)
      return path_of(entry.directory) + entry.name + (names.nodes[node].kind == MemoryDisk::Node::directory ? "/" : "");
  return "";
}

void Power::took(const Step& step) {
  const auto& names = disk_.names();
  for (std::uint32_t node = now_.names.count; node < names.count; ++node) {
    if (names.nodes[node].kind == MemoryDisk::Node::directory)
      now_.folders[node];
    else
      now_.files[node].sizes = {0};
  }
  look();
  const bool is_sync = step.what == Step::synced || step.what == Step::synced_directory;
  if (is_sync && on_step) on_step();  // it is not done yet
  if (is_sync && forgets && forgets(path_of(step.node))) return;
  if (step.what == Step::synced) {
    auto& file = now_.files.at(step.node);
    for (auto& [page, versions] : file.pages) versions = {versions.back()};
    file.sizes = {file.sizes.back()};
  } else if (step.what == Step::synced_directory) {
    auto& folder = now_.folders.at(step.node);
    folder = {};
    for (const auto& entry : names.entries)
      if (entry.node != 0 && entry.directory == step.node) folder.on_device[entry.name] = entry.node;
  } else if (step.what == Step::made || step.what == Step::renamed || step.what == Step::removed) {
    auto& folder = now_.folders.at(step.node);
    folder.done.push_back(step);
    const auto* const entry = step.what == Step::removed ? nullptr : disk_.names().find(step.node, step.to);
    folder.nodes.push_back(entry == nullptr ? 0 : entry->node);
  }
  if (on_step && !step.is_partial) on_step();
}

Pictures::Pictures(const Power::Moment& moment) : moment_(moment) {
  const auto times = [&](std::uint64_t ways) {
    count_ = count_ > (std::uint64_t{1} << 62) / ways ? std::uint64_t{1} << 62 : count_ * ways;
  };
  for (const auto& [node, file] : moment.files) {
    if (is_of_the_boot(moment.names, node)) continue;
    for (const auto& [page, versions] : file.pages) times(versions.size() > 1 ? 2 : 1);
    times(file.sizes.size() > 1 ? 2 : 1);
  }
  for (const auto& [node, folder] : moment.folders) times(folder.done.size() + 1);
}

MemoryDisk::Image Pictures::make(const Choose& page, const Choose& size, const Choose& names, bool in_order,
                                 SeededEntropy* torn) const {
  MemoryDisk::Image image{moment_.names, std::vector<std::string>(moment_.names.count)};
  for (auto& entry : image.names.entries) entry = {};
  for (const auto& [node, folder] : moment_.folders) {
    auto entries = folder.on_device;
    const auto until = in_order ? names(folder.done.size() + 1) : folder.done.size();
    for (std::size_t i = 0; i < until; ++i) {
      if (!in_order && names(2) == 0) continue;
      const auto& step = folder.done[i];
      if (step.what == Step::renamed) entries.erase(step.from);
      if (step.what == Step::removed)
        entries.erase(step.to);
      else
        entries[step.to] = folder.nodes[i];
    }
    for (const auto& [name, of] : entries) image.names.put(node, name, of);
  }
  for (const auto& [node, file] : moment_.files) {
    const bool matters = torn != nullptr || !is_of_the_boot(moment_.names, node);
    const auto bytes = file.sizes.size() > 1 && matters ? file.sizes[size(file.sizes.size())] : file.sizes.back();
    auto& out = image.bytes[node];
    image.names.nodes[node].size = bytes;
    for (const auto& [number, versions] : file.pages) {
      const auto choose = [&]() -> const std::string& {
        return *(versions.size() > 1 && matters ? versions[page(versions.size())] : versions.back());
      };
      const auto begin = number * Power::page_bytes;
      const auto* const chosen = &choose();
      if (begin >= bytes) continue;
      out.resize(std::max<std::size_t>(out.size(), begin + Power::page_bytes));
      std::memcpy(out.data() + begin, chosen->data(), Power::page_bytes);
      if (torn != nullptr && versions.size() > 1 && torn->below(4) == 0)
        for (std::size_t sector = 0; sector < Power::page_bytes; sector += Power::sector_bytes)
          std::memcpy(out.data() + begin + sector, choose().data() + sector, Power::sector_bytes);
    }
    if (out.size() > bytes) out.resize(bytes);
  }
  return image;
}

MemoryDisk::Image Pictures::whole(std::uint64_t n) const {
  const auto digit = [&](std::uint64_t base) {
    const auto value = n % base;
    n /= base;
    return static_cast<std::size_t>(value);
  };
  // The first or the last version; a page has no others here.
  const Choose ends = [&](std::size_t versions) { return digit(2) == 0 ? versions - 1 : 0; };
  return make(ends, ends, [&](std::size_t ways) { return ways > 1 ? ways - 1 - digit(ways) : 0; }, true, nullptr);
}

MemoryDisk::Image Pictures::torn(SeededEntropy& entropy) const {
  // Mostly the last or the first: of many versions those between would hide them.
  const Choose any = [&](std::size_t versions) {
    const auto kind = entropy.below(4);
    return kind < 2 ? kind * (versions - 1) : static_cast<std::size_t>(entropy.below(versions));
  };
  const Choose even = [&](std::size_t ways) { return static_cast<std::size_t>(entropy.below(ways)); };
  return make(any, any, even, entropy.below(2) == 0, &entropy);
}

}  // namespace tidings::crash
