#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Metrics as Prometheus reads them (text format 0.0.4). Names and units by its conventions: `shop_orders_total`,
/// `shop_payment_duration_seconds`.
namespace tidings::ops {

struct Label {
  std::string name;
  std::string value;
  friend bool operator==(const Label&, const Label&) = default;
};
using Labels = std::vector<Label>;

namespace detail {
/// Threads count in cells of their own, as many as there are processors, 16 at most: few wait for another's cache line.
extern const std::size_t cell_mask;
inline constexpr std::size_t no_cell = ~std::size_t{0};
inline thread_local constinit std::size_t my_cell = no_cell;
std::size_t take_cell() noexcept;
[[nodiscard]] inline std::size_t cell() noexcept {
  const auto mine = my_cell;
  return mine == no_cell ? take_cell() : mine;
}
struct alignas(64) Cell {
  std::atomic<std::uint64_t> value = 0;
};
}  // namespace detail

/// Only grows. Thread-safe; `add` takes no lock and allocates nothing.
class Counter {
 public:
  Counter();
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  /// Beyond 2^64 - 1 it begins at 0 again, which Prometheus takes for a restart.
  void add(std::uint64_t by = 1) noexcept {
    cells_[detail::cell() & detail::cell_mask].value.fetch_add(by, std::memory_order_relaxed);
  }
  /// What was added before, by whichever thread; what is added meanwhile may be in it or not.
  [[nodiscard]] std::uint64_t value() const noexcept;

 private:
  std::unique_ptr<detail::Cell[]> cells_;
};

/// Goes up and down. Thread-safe, without a lock.
class Gauge {
 public:
  Gauge() = default;
  Gauge(const Gauge&) = delete;
  Gauge& operator=(const Gauge&) = delete;
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(double by) noexcept { value_.fetch_add(by, std::memory_order_relaxed); }
  [[nodiscard]] double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_ = 0;
};

/// How often values fell under each of some bounds, and their sum. Thread-safe; `observe` takes no lock and allocates
/// nothing.
class Histogram {
 public:
  /// `bounds`: upper ends, inclusive, rising; +Inf is added.
  explicit Histogram(std::span<const double> bounds);
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;
  /// In the unit of the metric's name. `times`: as if it had been observed so often, where only each so-manieth is
  /// measured.
  void observe(double value, std::uint64_t times = 1) noexcept;

  struct Sum {
    std::vector<std::uint64_t> buckets;  ///< each by itself, the last is beyond all bounds
    std::uint64_t count = 0;
    double sum = 0;
  };
  /// What was observed before; `count` is the sum of the buckets, and `sum` may be of one more or fewer.
  [[nodiscard]] Sum value() const;
  /// As they were given; they live as long as this.
  [[nodiscard]] std::span<const double> bounds() const noexcept { return bounds_; }

 private:
  struct Row {
    std::atomic<double> sum = 0;
    std::unique_ptr<std::atomic<std::uint64_t>[]> buckets;
    char apart[48];  // from the next one's line
  };
  std::vector<double> bounds_;
  std::unique_ptr<Row[]> rows_;
};

/// Seconds: from 10 µs, where a handler writes to memory, by 1, 2.5, 5 to 100 s, where it waits for others.
[[nodiscard]] std::span<const double> duration_bounds();

/// Counters of one label whose values come by and by, as topics do. Thread-safe; one that is known takes no lock.
class CounterFamily {
 public:
  /// 1 value at least.
  explicit CounterFamily(std::size_t series_max);
  ~CounterFamily();
  CounterFamily(const CounterFamily&) = delete;
  CounterFamily& operator=(const CounterFamily&) = delete;
  /// The counter of that value, or that of `other` where there are too many. It lives as long as the family. The first
  /// call of a value takes a lock, and memory: where none is left the program ends.
  [[nodiscard]] Counter& of(std::string_view value) noexcept;
  /// Each value and its counter, in no order, and `other` last where it was needed; `other` may come twice, where it is
  /// a value too.
  void visit(const std::function<void(const std::string& value, const Counter& counter)>& each) const;
  /// How often `of` came to `other`.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.value(); }

 private:
  struct Entry;
  struct Table;
  std::unique_ptr<Table> table_;
  Counter other_;
  Counter refused_;
};

/// A value with its labels.
struct Sample {
  Labels labels;
  double value = 0;
};

/// Gauges that somebody gathers now and then, and that are replaced all at once: what is gone is shown no more.
/// Thread-safe.
class GaugeSet {
 public:
  virtual ~GaugeSet() = default;
  /// Of the same labels the last one counts. What comes beyond the bound of the registry is in `other`, as their sum.
  virtual void replace(std::vector<Sample> samples) = 0;
};

/// What a process measures. Thread-safe. References that it gives live as long as it does.
///
/// A family, that is a name, has at most `series_max` combinations of labels. What comes beyond counts as one in which
/// each label is `other`, and `tidings_metrics_refused_series_total` says so: names and label values may come from
/// outside, and must not fill the memory of who scrapes. Label values may be any bytes; what cannot be shown is
/// escaped, what is longer than 128 bytes is cut.
///
/// The same name with the same labels is the same counter. A name that is none (`[a-zA-Z_][a-zA-Z0-9_]*`), a family of
/// another kind under a name, and a function that is registered twice are bugs, and assert.
class Metrics {
 public:
  /// 1 combination at least.
  explicit Metrics(std::size_t series_max = 1'000);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  /// All of a family have the bounds of the first.
  Histogram& histogram(std::string_view name, std::string_view help, std::span<const double> bounds = duration_bounds(),
                       const Labels& labels = {});
  /// For a label whose values come by and by, on the way of events.
  CounterFamily& counters(std::string_view name, std::string_view help, std::string_view label);
  /// For what somebody gathers now and then.
  GaugeSet& gauges(std::string_view name, std::string_view help);

  /// Asked whenever somebody scrapes: it must answer at once, wait for nobody, and outlive the registry.
  /// Beyond `series_max` it is not asked, and counts as refused. It is called while the registry is locked, and must
  /// not come back to it.
  using Read = std::function<double()>;
  void counter_of(std::string_view name, std::string_view help, const Labels& labels, Read read);
  void gauge_of(std::string_view name, std::string_view help, const Labels& labels, Read read);
  /// The same for whole families whose labels come and go: what is told no more is shown no more. Samples of the same
  /// labels are one, their sum. Each call adds to what others tell under that name.
  using ReadAll = std::function<std::vector<Sample>()>;
  void counters_of(std::string_view name, std::string_view help, ReadAll read);
  void gauges_of(std::string_view name, std::string_view help, ReadAll read);

  /// `process_…`, as Prometheus' own clients have them. Once.
  void add_process_metrics();

  /// All of it, families by name. What is counted meanwhile may be in it or not. Runs the functions above, and waits
  /// for nobody if they do not.
  [[nodiscard]] std::string text() const;
  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidings::ops
