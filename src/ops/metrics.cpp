#include "tidings/ops/metrics.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <functional>
#include <mutex>
#include <thread>

namespace tidings::ops {

namespace {

std::size_t cells() {
  return detail::cell_mask + 1;
}

}  // namespace

const std::size_t detail::cell_mask = std::bit_ceil(std::clamp(std::thread::hardware_concurrency(), 1U, 16U)) - 1;

std::size_t detail::take_cell() noexcept {
  static std::atomic<std::size_t> next = 0;
  my_cell = next.fetch_add(1, std::memory_order_relaxed) & cell_mask;
  return my_cell;
}

Counter::Counter() : cells_(std::make_unique<detail::Cell[]>(cells())) {}

std::uint64_t Counter::value() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t cell = 0; cell < cells(); ++cell) sum += cells_[cell].value.load(std::memory_order_relaxed);
  return sum;
}

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()), rows_(std::make_unique<Row[]>(cells())) {
  assert(std::ranges::is_sorted(bounds_) && "bounds rise");
  // Lines of 64 bytes, and one more, so that no two rows' buckets share one.
  for (std::size_t row = 0; row < cells(); ++row)
    rows_[row].buckets = std::make_unique<std::atomic<std::uint64_t>[]>((bounds_.size() + 8) / 8 * 8 + 8);
}

void Histogram::observe(double value, std::uint64_t times) noexcept {
  auto& row = rows_[detail::cell() & detail::cell_mask];
  const auto at = static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin());
  row.buckets[at].fetch_add(times, std::memory_order_relaxed);
  row.sum.fetch_add(value * static_cast<double>(times), std::memory_order_relaxed);
}

Histogram::Sum Histogram::value() const {
  Sum sum{.buckets = std::vector<std::uint64_t>(bounds_.size() + 1)};
  for (std::size_t row = 0; row < cells(); ++row) {
    for (std::size_t at = 0; at <= bounds_.size(); ++at)
      sum.buckets[at] += rows_[row].buckets[at].load(std::memory_order_relaxed);
    sum.sum += rows_[row].sum.load(std::memory_order_relaxed);
  }
  for (const auto bucket : sum.buckets) sum.count += bucket;  // so that it is never less than one of them
  return sum;
}

std::span<const double> duration_bounds() {
  static constexpr double bounds[] = {0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                      0.005,   0.01,     0.025,   0.05,   0.1,     0.25,   0.5,   1,
                                      2.5,     5,        10,      25,     50,      100};
  return bounds;
}

// An open table that only grows by one entry at a time: who looks sees each whole, or not yet.

struct CounterFamily::Entry {
  std::size_t hash;
  std::string value;
  Counter counter;
};

struct CounterFamily::Table {
  explicit Table(std::size_t most) : series_max(most), slots(std::bit_ceil(most * 2)) {}
  ~Table() {
    for (auto& slot : slots) delete slot.load(std::memory_order_relaxed);
  }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  const std::size_t series_max;
  std::vector<std::atomic<Entry*>> slots;
  std::mutex mutex;  // of who adds
  std::atomic<std::size_t> size = 0;
};

CounterFamily::CounterFamily(std::size_t series_max)
    : table_(std::make_unique<Table>(std::max<std::size_t>(series_max, 1))) {}
CounterFamily::~CounterFamily() = default;

Counter& CounterFamily::of(std::string_view value) noexcept {
  const auto hash = std::hash<std::string_view>{}(value);
  const auto mask = table_->slots.size() - 1;
  const auto find = [&](std::size_t& at) -> Entry* {
    for (at = hash & mask;; at = (at + 1) & mask) {
      auto* const entry = table_->slots[at].load(std::memory_order_acquire);
      if (entry == nullptr || (entry->hash == hash && entry->value == value)) return entry;
    }
  };
  std::size_t at = 0;
  if (auto* const known = find(at); known != nullptr) [[likely]]
    return known->counter;
  if (table_->size.load(std::memory_order_relaxed) < table_->series_max) {
    const std::scoped_lock lock(table_->mutex);
    if (auto* const known = find(at); known != nullptr) return known->counter;
    if (table_->size < table_->series_max) {
      auto* const made = new Entry{hash, std::string(value), {}};
      table_->slots[at].store(made, std::memory_order_release);
      ++table_->size;
      return made->counter;
    }
  }
  refused_.add();
  return other_;
}

void CounterFamily::visit(const std::function<void(const std::string&, const Counter&)>& each) const {
  for (const auto& slot : table_->slots)
    if (const auto* const entry = slot.load(std::memory_order_acquire); entry != nullptr)
      each(entry->value, entry->counter);
  if (refused() > 0) each("other", other_);
}

}  // namespace tidings::ops
