#pragma once

#include <string>
#include <vector>

#include "tidings/ops/trace.hpp"

namespace tidings::ops {

/// An ExportTraceServiceRequest in OTLP's JSON.
[[nodiscard]] std::string otlp_json(const std::vector<Attribute>& resource, const std::vector<SpanData>& spans);

}  // namespace tidings::ops
