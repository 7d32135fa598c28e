#pragma once

#include <string_view>
#include <vector>

#include "tidings/ops/metrics.hpp"

namespace tidings::ops {

struct ProcessMetric {
  std::string_view name;
  std::string_view help;
  bool is_counter;
  Metrics::Read read;
};
/// https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
[[nodiscard]] std::vector<ProcessMetric> process_metrics();

}  // namespace tidings::ops
