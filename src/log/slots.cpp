#include "log/slots.hpp"

#include <cassert>
#include <map>
#include <mutex>
#include <new>
#include <string>

#include "tidings/base/entropy.hpp"
#include "tidings/base/forks.hpp"

namespace tidings::log {
namespace {

constexpr std::uint64_t id_place = Slots::count + Slots::count * sizeof(std::uint64_t);
constexpr std::uint64_t file_bytes = id_place + sizeof(std::uint64_t);

struct Registry {
  std::mutex mutex;
  std::map<FileId, std::weak_ptr<Slots>> by_file;
};
Registry& registry() {
  static auto* const shared = new Registry;  // outlives every handle, also those of static objects
  return *shared;
}

}  // namespace

Slots::Slots(std::unique_ptr<File> file, Mapping mapping, std::uint32_t slot, std::uint64_t generation)
    : file_(std::move(file)),
      mapping_(std::move(mapping)),
      slot_(slot),
      generation_(generation),
      forks_(fork_count()) {}

Slots::~Slots() = default;

std::atomic<std::uint64_t>& Slots::generation_at(std::uint32_t slot) const {
  return *std::launder(reinterpret_cast<std::atomic<std::uint64_t>*>(mapping_.data() + count) + slot);
}

std::uint64_t Slots::id() const {
  auto& id = *std::launder(reinterpret_cast<std::atomic<std::uint64_t>*>(mapping_.data() + id_place));
  auto known = id.load();
  // Whoever is first.
  if (known == 0 && id.compare_exchange_strong(known, system_entropy().next() | 1)) return id.load();
  return known;
}

bool Slots::is_forked() const {
  return fork_count() != forks_;
}

Result<std::shared_ptr<Slots>> Slots::take(Directory& log) {
  auto& shared = registry();
  const std::scoped_lock lock(shared.mutex);
  auto file = log.file("slots.lock", Directory::Create::if_missing);
  if (!file) return file.error();
  // By the file, not by its path: a relative path may mean another one now, and a folder may have been removed and made
  // again. Who has slots has their file open, so that no other file gets its id.
  auto id = (*file)->id();
  if (!id) return id.error();
  std::erase_if(shared.by_file, [](const auto& one) { return one.second.expired(); });
  auto& known = shared.by_file[*id];
  if (auto slots = known.lock(); slots && !slots->is_forked()) return slots;
  // Also where it is long enough: a copy may lack its blocks. Never shrinks: two may do it at once.
  if (auto grown = (*file)->allocate(file_bytes); !grown) return grown.error();
  const auto start = static_cast<std::uint32_t>(system_entropy().below(count));
  for (std::uint32_t step = 0; step < count; ++step) {
    const auto slot = (start + step) % count;
    auto taken = (*file)->try_lock({slot, 1});
    if (!taken) return taken.error();
    if (!*taken) continue;
    // After the lock: a child of a fork would keep it by an inherited mapping too.
    auto mapping = (*file)->map(file_bytes, true);
    if (!mapping) return mapping.error();
    auto* const generations = reinterpret_cast<std::atomic<std::uint64_t>*>(mapping->data() + count);
    const auto generation = generations[slot].fetch_add(1) + 1;
    auto slots = std::make_shared<Slots>(std::move(*file), std::move(*mapping), slot, generation & 0xffffffffffffU);
    known = slots;
    return slots;
  }
  return Error{"too_many_processes", log.path() + " is open in 1,024 processes already; end some", Retry::same_call};
}

Result<bool> Slots::is_dead(std::uint64_t word) const {
  const auto slot = static_cast<std::uint32_t>(word & 0xffff) - 1;
  const auto generation = word >> 16;
  if (slot >= count) return true;  // no process writes such a word
  if (slot == slot_) return generation != generation_;
  // Whoever takes a slot holds its byte first and raises the generation then: between the two its predecessor seems
  // alive, which only delays.
  if ((generation_at(slot).load() & 0xffffffffffffU) != generation) return true;
  auto held = file_->held_by_others({slot, 1});
  if (!held) return held.error();
  return !held->has_value();
}

}  // namespace tidings::log
