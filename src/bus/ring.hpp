#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <optional>

#include "bus/asymmetric_fence.hpp"
#include "bus/bus_envelope.hpp"
#include "bus/claimer.hpp"
#include "tidings/bus/detail/taken.hpp"

namespace tidings::bus {

/// A bounded queue of events of any types: many threads put in, one takes out; neither takes a lock. After the
/// Disruptor's multi-producer sequencer: a place is claimed by compare-and-swap on the tail, a sequence in each cell
/// says that it is filled, and the taker's head says what is free. The taker writes nothing into cells, so that each is
/// moved between processors once. Events no larger than what the ring was made for stand in their cells, others on the
/// heap.
///
/// Most queues have one publisher, and a locked instruction is half of what a place costs it. So the ring has an owner,
/// the thread that put in first, which claims by plain stores; another takes it over behind a heavy fence, and after a
/// few such changes all claim by compare-and-swap (biased locking, after Dice, Moir and Scherer 2003).
class Ring {
 public:
  struct Shape {
    std::size_t capacity;     ///< events
    std::size_t event_bytes;  ///< of the largest that stands in its cell
    bool envelopes;           ///< whether a cell has room for one
    bool moves;               ///< whether events are moved out: then those whose move may throw stand on the heap too
  };
  /// What a taker sees of a cell; valid until `pop`.
  struct Item {
    const EventType* type;
    Run run;
    const BusEnvelope* envelope;  ///< null where there is none
    void* event;
  };

  explicit Ring(const Shape& shape);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// A place for one event; nullopt: full. Who has one must `fill` it. `thread` is the calling one, whose fences are
  /// prepared.
  [[nodiscard]] std::optional<std::uint64_t> claim(Claimer& thread) {
    if (owner_.load(mark_load) != &thread) [[unlikely]]
      return claim_shared(thread);
    // Dekker's way: who takes the ring over sees the first store and waits for the last, or it is seen here. Each
    // thread has a word of its own for it: one that comes too late must not take back what the next owner has said.
    thread.ring.store(this, mark_store);
    light_fence();
    const bool still = owner_.load(mark_load) == &thread;
    std::optional<std::uint64_t> place;
    if (still) [[likely]] {
      const auto next = tail_.load(std::memory_order_relaxed);
      if (!is_full(next)) [[likely]] {
        tail_.store(next + 1, std::memory_order_release);
        place = next;
      }
    }
    thread.ring.store(nullptr, mark_store);
    return still ? place : claim_shared(thread);
  }
  /// Copies the event into its place and shows it to the taker. What its copying throws is thrown on, and the place is
  /// passed over.
  void fill(std::uint64_t place, const AnyEvent& event, Run run, const BusEnvelope* envelope);

  /// Nothing to take, as far as can be told. Any thread.
  [[nodiscard]] bool is_empty() const {
    const auto place = head_.load(mark_load);
    return header(place).sequence.load(mark_load) != place + 1;
  }

  // The taker's side: one thread at a time.
  /// The oldest event, if it is there; a place whose event could not be copied is passed over.
  [[nodiscard]] std::optional<Item> front() {
    for (;;) {
      const auto place = head_.load(std::memory_order_relaxed);
      const auto& head = header(place);
      if (head.sequence.load(mark_load) != place + 1) return std::nullopt;
      fetch_ahead(place);
      if (head.type != nullptr) [[likely]]
        return item(place);
      free_front();
    }
  }
  /// Destroys the oldest event, which is `front`, and frees its place.
  void pop(const Item& front) {
    destroy(front);
    free_front();
  }
  /// Moves the oldest event and its envelope into `into`, at least `taken_bytes` of room, and frees its place; returns
  /// where they then are. Who calls destroys the event by `destroy`.
  [[nodiscard]] Item take(void* into);
  void destroy(const Item& item) const {
    item.type->destroy(item.event);
    if (!in_place(*item.type)) [[unlikely]]
      ::operator delete(item.event, std::align_val_t{item.type->alignment_bytes});
  }

  [[nodiscard]] std::size_t capacity() const { return shape_.capacity; }
  [[nodiscard]] std::size_t taken_bytes() const {
    return shape_.event_bytes + (shape_.envelopes ? sizeof(BusEnvelope) : 0);
  }
  /// Places given out, and places freed, since the beginning. Any thread.
  [[nodiscard]] std::uint64_t claimed() const { return tail_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t freed() const { return head_.load(mark_load); }

 private:
  /// Whether `place` has to wait. One read long ago may stand behind the head: then it has not.
  [[nodiscard]] bool is_full(std::uint64_t place) {
    const auto is_behind = [&](std::uint64_t head) {
      return static_cast<std::int64_t>(place - head) >= static_cast<std::int64_t>(shape_.capacity);
    };
    if (!is_behind(head_seen_.load(std::memory_order_acquire))) [[likely]]
      return false;
    const auto head = head_.load(std::memory_order_acquire);
    head_seen_.store(head, std::memory_order_release);
    return is_behind(head);
  }
  [[nodiscard]] std::optional<std::uint64_t> claim_shared(Claimer& thread);
  void take_over(Claimer& thread);

  struct Header {
    std::atomic<std::uint64_t> sequence;  ///< place + 1 once it is filled
    const EventType* type;                ///< null: passed over
    Run run;
  };

  [[nodiscard]] std::byte* cell(std::uint64_t place) const { return cells_.get() + (place & mask_) * stride_; }
  [[nodiscard]] Header& header(std::uint64_t place) const { return *reinterpret_cast<Header*>(cell(place)); }
  [[nodiscard]] bool in_place(const EventType& type) const {
    return type.size_bytes <= shape_.event_bytes && type.alignment_bytes <= alignof(std::max_align_t) &&
           (!shape_.moves || type.relocates_surely);
  }
  [[nodiscard]] Item item(std::uint64_t place) const {
    const auto& head = header(place);
    auto* const at = cell(place) + event_at_;
    return {.type = head.type,
            .run = head.run,
            .envelope = shape_.envelopes ? reinterpret_cast<const BusEnvelope*>(cell(place) + sizeof(Header)) : nullptr,
            .event = in_place(*head.type) ? static_cast<void*>(at) : *reinterpret_cast<void**>(at)};
  }
  void free_front() { head_.store(head_.load(std::memory_order_relaxed) + 1, mark_store); }
  /// Asks early for lines that are filled by now, or soon. A taker that is close behind leaves the tail to producers,
  /// and asks for nothing: they are writing there.
  void fetch_ahead(std::uint64_t place) {
    if (place == look_at_) [[unlikely]] {
      claimed_seen_ = tail_.load(std::memory_order_relaxed);
      look_at_ = std::max(claimed_seen_, place + fetch_distance);
      for (auto next = place + 1; next < std::min(claimed_seen_, place + fetch_distance); ++next)
        __builtin_prefetch(cell(next));
    }
    if (place + fetch_distance < claimed_seen_) __builtin_prefetch(cell(place + fetch_distance));
  }

  /// A line comes from another core in the time that a few events are handled.
  static constexpr std::uint64_t fetch_distance = 16;

  struct FreeAligned {
    void operator()(std::byte* bytes) const;
  };

  Shape shape_;
  std::size_t event_at_, stride_;
  std::uint64_t mask_;
  std::unique_ptr<std::byte, FreeAligned> cells_;
  alignas(64) std::atomic<std::uint64_t> tail_ = 0;
  std::atomic<std::uint64_t> head_seen_ = 0;  ///< by producers: no newer than `head_`
  std::atomic<Claimer*> owner_ = nullptr;     ///< the one thread that claims by plain stores; null while it changes
  int owners_ = 0;                            ///< there ever were; under `taking_over_`
  std::mutex taking_over_;
  alignas(64) std::atomic<std::uint64_t> head_ = 0;
  alignas(64) std::uint64_t claimed_seen_ = 0;  ///< by the taker: no newer than `tail_`
  std::uint64_t look_at_ = 0;                   ///< the place at which the taker reads `tail_` again
};

}  // namespace tidings::bus
