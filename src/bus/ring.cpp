#include "bus/ring.hpp"

#include <bit>
#include <new>
#include <thread>

namespace tidings::bus {
namespace {

constexpr std::size_t line_bytes = 64;
/// Lines that far ahead of the tail are asked for early: a compare-and-swap waits until earlier stores have their
/// lines.
constexpr std::uint64_t ask_ahead = 12;
/// As many threads may own the ring one after another: taking over costs some microseconds.
constexpr int owners_max = 4;
/// Who owns a ring that had more: it stands for no thread.
constinit Claimer everybody;

/// `__builtin_prefetch` asks to read unless the compiler may assume the instruction, which every processor of that kind
/// has, or takes for none.
inline void prefetch_to_write(const void* address) {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address, 1);
#endif
}

constexpr std::size_t round_up(std::size_t size, std::size_t to) {
  return (size + to - 1) / to * to;
}

}  // namespace

void Ring::FreeAligned::operator()(std::byte* bytes) const {
  ::operator delete(bytes, std::align_val_t{line_bytes});
}

Ring::Ring(const Shape& shape)
    : shape_(shape),
      event_at_(round_up(sizeof(Header) + (shape.envelopes ? sizeof(BusEnvelope) : 0), alignof(std::max_align_t))),
      stride_(round_up(event_at_ + shape.event_bytes, line_bytes)),
      mask_(std::bit_ceil(shape.capacity) - 1),
      cells_(static_cast<std::byte*>(::operator new((mask_ + 1) * stride_, std::align_val_t{line_bytes}))) {
  shape_.event_bytes = stride_ - event_at_;  // whatever is left of the last line
  for (std::uint64_t place = 0; place <= mask_; ++place) std::construct_at(&header(place))->sequence = 0;
}

Ring::~Ring() {
  while (const auto item = front()) pop(*item);
}

std::optional<std::uint64_t> Ring::claim_shared(Claimer& thread) {
  for (;;) {
    const auto* const owner = owner_.load(mark_load);
    if (owner == &everybody) break;
    if (owner == &thread) return claim(thread);
    take_over(thread);
  }
  auto place = tail_.load(std::memory_order_relaxed);
  do
    if (is_full(place)) return std::nullopt;
  while (!tail_.compare_exchange_weak(place, place + 1, std::memory_order_relaxed));
  return place;
}

void Ring::take_over(Claimer& thread) {
  const std::scoped_lock lock(taking_over_);
  auto* const before = owner_.load(mark_load);
  if (before == &everybody) return;
  if (before != nullptr) {
    // Nobody claims from here on: who looks sees that the ring is not his, and waits for the mutex.
    owner_.store(nullptr, mark_store);
    heavy_fence();
    // An owner that did not see it is within a few instructions.
    while (before->ring.load(mark_load) == this) std::this_thread::yield();
  }
  owner_.store(++owners_ <= owners_max ? &thread : &everybody, mark_store);
}

void Ring::fill(std::uint64_t place, const AnyEvent& event, Run run, const BusEnvelope* envelope) {
  prefetch_to_write(cell(place + ask_ahead));
  auto& head = header(place);
  const auto& type = event.event_type();
  head.type = &type;
  head.run = run;
  auto* const at = cell(place) + event_at_;
  if (shape_.envelopes && envelope != nullptr)
    std::construct_at(reinterpret_cast<BusEnvelope*>(cell(place) + sizeof(Header)), *envelope);
  try {
    if (in_place(type)) {
      type.copy(at, event.address());
    } else {
      auto* const copy = ::operator new(type.size_bytes, std::align_val_t{type.alignment_bytes});
      try {
        type.copy(copy, event.address());
      } catch (...) {
        ::operator delete(copy, std::align_val_t{type.alignment_bytes});
        throw;
      }
      *reinterpret_cast<void**>(at) = copy;
    }
  } catch (...) {
    head.type = nullptr;
    head.sequence.store(place + 1, mark_store);
    throw;
  }
  head.sequence.store(place + 1, mark_store);
}

Ring::Item Ring::take(void* into) {
  auto taken = item(head_.load(std::memory_order_relaxed));
  if (in_place(*taken.type)) {
    taken.type->relocate(into, taken.event);
    taken.event = into;
  }
  if (taken.envelope != nullptr)
    taken.envelope = std::construct_at(
        reinterpret_cast<BusEnvelope*>(static_cast<std::byte*>(into) + shape_.event_bytes), *taken.envelope);
  free_front();
  return taken;
}

}  // namespace tidings::bus
