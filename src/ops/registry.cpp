// The registry, and its text: https://prometheus.io/docs/instrumenting/exposition_formats/
#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>

#include "ops/process_metrics.hpp"
#include "tidings/base/strings.hpp"
#include "tidings/base/text.hpp"
#include "tidings/ops/metrics.hpp"

namespace tidings::ops {

namespace {

constexpr std::size_t value_bytes_max = 128;
constexpr std::string_view refused_name = "tidings_metrics_refused_series_total";

enum class Kind { counter, gauge, histogram };

constexpr std::string_view name_of(Kind kind) {
  constexpr std::string_view names[] = {"counter", "gauge", "histogram"};
  return names[static_cast<int>(kind)];
}

bool is_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

/// `a="1",b="2"`, in the order in which they are given.
std::string text_of(const Labels& labels) {
  std::string out;
  for (const auto& label : labels) {
    assert(is_name(label.name) && "a label's name is [a-zA-Z_][a-zA-Z0-9_]*");
    if (!out.empty()) out += ',';
    out.append(label.name).append("=\"").append(escaped(cut_at_character(label.value, value_bytes_max))).append("\"");
  }
  return out;
}

Labels others(Labels labels) {
  for (auto& label : labels) label.value = "other";
  return labels;
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
  }
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels,
                   double value, std::optional<double> less_or_equal = {}) {
  out.append(name).append(suffix);
  if (!labels.empty() || less_or_equal) {
    out += '{';
    out += labels;
    if (less_or_equal) {
      if (!labels.empty()) out += ',';
      out += "le=\"";
      append_number(out, *less_or_equal);
      out += '"';
    }
    out += '}';
  }
  out += ' ';
  append_number(out, value);
  out += '\n';
}

class Gathered final : public GaugeSet {
 public:
  explicit Gathered(std::size_t most) : most_(most) {}
  void replace(std::vector<Sample> samples) override {
    std::map<std::string, double> made;
    std::uint64_t refused = 0;
    for (const auto& sample : samples) {
      auto labels = text_of(sample.labels);
      if (made.size() >= most_ && !made.contains(labels)) {
        labels = text_of(others(sample.labels));
        ++refused;
        made[labels] += sample.value;
        continue;
      }
      made[std::move(labels)] = sample.value;
    }
    const std::scoped_lock lock(mutex_);
    values_ = std::move(made);
    refused_ += refused;
  }
  void write(std::string& out, std::string_view name) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& [labels, value] : values_) append_sample(out, name, "", labels, value);
  }
  [[nodiscard]] std::uint64_t refused() const {
    const std::scoped_lock lock(mutex_);
    return refused_;
  }

 private:
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::map<std::string, double> values_;
  std::uint64_t refused_ = 0;
};

struct Series {
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;
  Metrics::Read read;
};

struct Family {
  Kind kind;
  std::string help;
  std::map<std::string, Series, std::less<>> series;  // by the text of their labels
  std::string label;                                  // of `counters`
  std::unique_ptr<CounterFamily> counters;
  std::unique_ptr<Gathered> gathered;
  std::vector<Metrics::ReadAll> asked;
  std::uint64_t refused = 0;
};

void write_histogram(std::string& out, std::string_view name, std::string_view labels, const Histogram& histogram) {
  const auto value = histogram.value();
  std::uint64_t below = 0;
  for (std::size_t at = 0; at < value.buckets.size(); ++at) {
    below += value.buckets[at];
    const auto bound = at < histogram.bounds().size() ? histogram.bounds()[at] : HUGE_VAL;
    append_sample(out, name, "_bucket", labels, static_cast<double>(below), bound);
  }
  append_sample(out, name, "_sum", labels, value.sum);
  append_sample(out, name, "_count", labels, static_cast<double>(value.count));
}

/// Values that are told alike, since they are cut or escaped, or one of them is `other`, are one sample: Prometheus
/// takes no second.
void write_counters(std::string& out, std::string_view name, const Family& family) {
  std::map<std::string, std::uint64_t> sums;
  family.counters->visit([&](const std::string& value, const Counter& counter) {
    sums[text_of({{family.label, value}})] += counter.value();
  });
  for (const auto& [labels, sum] : sums) append_sample(out, name, "", labels, static_cast<double>(sum));
}

}  // namespace

struct Metrics::Impl {
  explicit Impl(std::size_t most) : series_max(std::max<std::size_t>(most, 1)) {}
  const std::size_t series_max;
  mutable std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;

  Family& family(std::string_view name, std::string_view help, Kind kind) {
    assert(is_name(name) && "a metric's name is [a-zA-Z_][a-zA-Z0-9_]*");
    const auto [at, is_new] = families.try_emplace(std::string(name), Family{.kind = kind, .help = std::string(help)});
    assert(at->second.kind == kind && "this name is one of another kind");
    return at->second;
  }

  Series& series(Family& family, const Labels& labels) const {
    auto text = text_of(labels);
    if (const auto known = family.series.find(text); known != family.series.end()) return known->second;
    if (family.series.size() >= series_max) {
      ++family.refused;
      text = text_of(others(labels));
    }
    return family.series[text];
  }

  /// For a function, of which there can be only one: null where there are too many.
  Series* series_of_its_own(Family& family, const Labels& labels) const {
    auto text = text_of(labels);
    if (family.series.size() >= series_max && !family.series.contains(text)) {
      ++family.refused;
      return nullptr;
    }
    return &family.series[std::move(text)];
  }

  void write_asked(std::string& out, const std::string& name, Family& family) const {
    std::map<std::string, double> sums;
    for (const auto& read : family.asked)
      for (const auto& sample : read()) {
        auto labels = text_of(sample.labels);
        if (sums.size() >= series_max && !sums.contains(labels)) {
          labels = text_of(others(sample.labels));
          ++family.refused;
        }
        sums[std::move(labels)] += sample.value;
      }
    for (const auto& [labels, value] : sums) append_sample(out, name, "", labels, value);
  }

  void write(std::string& out) {
    for (auto& [name, family] : families) {
      out.append("# HELP ").append(name).append(" ");
      for (const char c : printable(family.help)) out.append(c == '\\' ? "\\\\" : std::string_view(&c, 1));
      out.append("\n# TYPE ").append(name).append(" ").append(name_of(family.kind)).append("\n");
      for (const auto& [labels, one] : family.series) {
        if (one.counter) append_sample(out, name, "", labels, static_cast<double>(one.counter->value()));
        if (one.gauge) append_sample(out, name, "", labels, one.gauge->value());
        if (one.read) append_sample(out, name, "", labels, one.read());
        if (one.histogram) write_histogram(out, name, labels, *one.histogram);
      }
      if (family.counters) write_counters(out, name, family);
      if (family.gathered) family.gathered->write(out, name);
      if (!family.asked.empty()) write_asked(out, name, family);
    }
  }

  void write_refused(std::string& out) const {
    bool is_first = true;
    for (const auto& [name, family] : families) {
      const auto refused = family.refused + (family.counters ? family.counters->refused() : 0) +
                           (family.gathered ? family.gathered->refused() : 0);
      if (refused == 0) continue;
      if (std::exchange(is_first, false))
        out.append("# HELP ")
            .append(refused_name)
            .append(" Samples whose labels were one combination too many, and count as other.\n# TYPE ")
            .append(refused_name)
            .append(" counter\n");
      append_sample(out, refused_name, "", text_of({{"metric", name}}), static_cast<double>(refused));
    }
  }
};

Metrics::Metrics(std::size_t series_max) : impl_(std::make_unique<Impl>(series_max)) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::scoped_lock lock(impl_->mutex);
  auto& one = impl_->series(impl_->family(name, help, Kind::counter), labels);
  assert(!one.read && "a function gives this counter");
  if (!one.counter) one.counter = std::make_unique<Counter>();
  return *one.counter;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  const std::scoped_lock lock(impl_->mutex);
  auto& one = impl_->series(impl_->family(name, help, Kind::gauge), labels);
  assert(!one.read && "a function gives this gauge");
  if (!one.gauge) one.gauge = std::make_unique<Gauge>();
  return *one.gauge;
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                              const Labels& labels) {
  const std::scoped_lock lock(impl_->mutex);
  auto& family = impl_->family(name, help, Kind::histogram);
  if (!family.series.empty()) bounds = family.series.begin()->second.histogram->bounds();
  auto& one = impl_->series(family, labels);
  if (!one.histogram) one.histogram = std::make_unique<Histogram>(bounds);
  return *one.histogram;
}

CounterFamily& Metrics::counters(std::string_view name, std::string_view help, std::string_view label) {
  assert(is_name(label) && "a label's name is [a-zA-Z_][a-zA-Z0-9_]*");
  const std::scoped_lock lock(impl_->mutex);
  auto& family = impl_->family(name, help, Kind::counter);
  if (!family.counters) {
    family.label = label;
    family.counters = std::make_unique<CounterFamily>(impl_->series_max);
  }
  return *family.counters;
}

GaugeSet& Metrics::gauges(std::string_view name, std::string_view help) {
  const std::scoped_lock lock(impl_->mutex);
  auto& family = impl_->family(name, help, Kind::gauge);
  if (!family.gathered) family.gathered = std::make_unique<Gathered>(impl_->series_max);
  return *family.gathered;
}

void Metrics::counter_of(std::string_view name, std::string_view help, const Labels& labels, Read read) {
  const std::scoped_lock lock(impl_->mutex);
  auto* const one = impl_->series_of_its_own(impl_->family(name, help, Kind::counter), labels);
  if (one == nullptr) return;
  assert(!one->read && !one->counter && "these labels are taken");
  one->read = std::move(read);
}

void Metrics::gauge_of(std::string_view name, std::string_view help, const Labels& labels, Read read) {
  const std::scoped_lock lock(impl_->mutex);
  auto* const one = impl_->series_of_its_own(impl_->family(name, help, Kind::gauge), labels);
  if (one == nullptr) return;
  assert(!one->read && !one->gauge && "these labels are taken");
  one->read = std::move(read);
}

void Metrics::counters_of(std::string_view name, std::string_view help, ReadAll read) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->family(name, help, Kind::counter).asked.push_back(std::move(read));
}

void Metrics::gauges_of(std::string_view name, std::string_view help, ReadAll read) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->family(name, help, Kind::gauge).asked.push_back(std::move(read));
}

void Metrics::add_process_metrics() {
  for (const auto& one : process_metrics()) {
    if (one.is_counter)
      counter_of(one.name, one.help, {}, one.read);
    else
      gauge_of(one.name, one.help, {}, one.read);
  }
}

std::string Metrics::text() const {
  std::string out;
  const std::scoped_lock lock(impl_->mutex);
  impl_->write(out);
  impl_->write_refused(out);
  return out;
}

}  // namespace tidings::ops
