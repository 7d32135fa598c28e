#include "bus/ring.hpp"

#include <bit>
#include <new>

namespace tidings::bus {
namespace {

constexpr std::size_t line_bytes = 64;
/// Lines that far ahead of the tail are asked for early: a compare-and-swap waits until earlier stores have their
/// lines.
constexpr std::uint64_t ask_ahead = 12;

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

std::optional<std::uint64_t> Ring::claim() {
  const auto is_full = [&](std::uint64_t place, std::uint64_t head) {
    // A place read long ago may stand behind the head: then it is not full, and the exchange fails.
    return static_cast<std::int64_t>(place - head) >= static_cast<std::int64_t>(shape_.capacity);
  };
  auto place = tail_.load(std::memory_order_relaxed);
  for (;;) {
    if (is_full(place, head_seen_.load(std::memory_order_acquire))) {
      const auto head = head_.load(std::memory_order_acquire);
      head_seen_.store(head, std::memory_order_release);
      if (is_full(place, head)) return std::nullopt;
    }
    if (tail_.compare_exchange_weak(place, place + 1, std::memory_order_relaxed)) return place;
  }
}

void Ring::fill(std::uint64_t place, const AnyEvent& event, Run run, const BusEnvelope* envelope) {
  __builtin_prefetch(cell(place + ask_ahead), 1);
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
  free_front();
  return taken;
}

}  // namespace tidings::bus
