#include "log/slots.hpp"

#include <pthread.h>

#include <cassert>
#include <map>
#include <mutex>
#include <new>
#include <string>

#include "tidings/base/entropy.hpp"

namespace tidings::log {
namespace {

constexpr std::uint64_t file_bytes = Slots::count + Slots::count * sizeof(std::uint64_t);

std::atomic<unsigned> forks{0};

void watch_forks() {
  static const int once = ::pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  (void)once;
}

struct Registry {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<Slots>> by_path;
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
      forks_(forks.load()) {}

Slots::~Slots() = default;

std::atomic<std::uint64_t>& Slots::generation_at(std::uint32_t slot) const {
  return *std::launder(reinterpret_cast<std::atomic<std::uint64_t>*>(mapping_.data() + count) + slot);
}

bool Slots::is_forked() const {
  return forks.load(std::memory_order_relaxed) != forks_;
}

Result<std::shared_ptr<Slots>> Slots::take(Directory& log) {
  watch_forks();
  auto& shared = registry();
  const std::scoped_lock lock(shared.mutex);
  auto& known = shared.by_path[log.path()];
  if (auto slots = known.lock(); slots && !slots->is_forked()) return slots;
  auto file = log.file("slots.lock", Directory::Create::if_missing);
  if (!file) return file.error();
  auto size = (*file)->size();
  if (!size) return size.error();
  if (*size < file_bytes)
    if (auto grown = (*file)->allocate(file_bytes); !grown)
      return grown.error();  // never shrinks: two may do it at once
  auto mapping = (*file)->map(file_bytes, true);
  if (!mapping) return mapping.error();
  const auto start = static_cast<std::uint32_t>(system_entropy().below(count));
  for (std::uint32_t step = 0; step < count; ++step) {
    const auto slot = (start + step) % count;
    auto taken = (*file)->try_lock({slot, 1});
    if (!taken) return taken.error();
    if (!*taken) continue;
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
