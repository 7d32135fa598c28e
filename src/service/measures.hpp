#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "tidings/base/time.hpp"
#include "tidings/ops/metrics.hpp"

namespace tidings::service {

[[nodiscard]] constexpr double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// Which calls are timed: all that take long, since then it costs nothing; of those that do not, one in sixteen, which
/// counts for all that were left out before it. Two looks at the clock take some 50 ns, a short handler 200. For one
/// thread.
class Sampling {
 public:
  [[nodiscard]] bool is_due() {
    if (left_out_ >= between_) return true;
    ++left_out_;
    return false;
  }
  /// For how many the one that was timed counts.
  [[nodiscard]] std::uint64_t took(Duration duration) {
    between_ = duration < short_max ? 15 : 0;
    return std::exchange(left_out_, 0) + 1;
  }

 private:
  static constexpr Duration short_max = std::chrono::microseconds{5};
  std::uint32_t left_out_ = 0;
  std::uint32_t between_ = 0;
};

/// What a service measures of all that it publishes. The rest is counted anyhow, and read where it stands.
struct Measures {
  explicit Measures(ops::Metrics& metrics)
      : registry(metrics),
        published(metrics.counters("tidings_published_events_total", "Events that were published, by topic.", "topic")),
        publish_failures(metrics.counters("tidings_publish_failures_total",
                                          "Publishes that failed, by the code of the error.", "code")),
        publish_duration(metrics.histogram("tidings_publish_duration_seconds",
                                           "How long publishes took until the broker had acknowledged them.")) {}
  ops::Metrics& registry;
  ops::CounterFamily& published;
  ops::CounterFamily& publish_failures;
  ops::Histogram& publish_duration;
};

/// And of a handler.
struct HandlerMeasures {
  HandlerMeasures(ops::Metrics& metrics, const std::string& handler)
      : delivered(metrics.counter("tidings_delivered_events_total", "Events that the broker delivered.",
                                  {{"handler", handler}})),
        duration(metrics.histogram("tidings_handle_duration_seconds",
                                   "How long attempts took, failed ones too; a batch is one.", ops::duration_bounds(),
                                   {{"handler", handler}})),
        delay(metrics.histogram("tidings_delivery_delay_seconds", "From an event's time until its first attempt began.",
                                ops::duration_bounds(), {{"handler", handler}})),
        duplicates(metrics.counter("tidings_inbox_duplicate_events_total",
                                   "Events that the inbox knew: their effects were there.", {{"handler", handler}})) {}
  ops::Counter& delivered;
  ops::Histogram& duration;
  ops::Histogram& delay;
  ops::Counter& duplicates;
};

}  // namespace tidings::service
