#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/task.hpp"
#include "tidings/base/result.hpp"
#include "tidings/event/envelope.hpp"
#include "tidings/ops/trace.hpp"
#include "tidings/service/detail/handler.hpp"

namespace tidings::service {

/// The spans of a service, by OpenTelemetry's conventions for messaging
/// (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/). An event carries the id of the span that
/// it was published by in its `traceparent`, which is made with the event: so nothing on the wire changes, and whoever
/// handles it knows its parent. It is only made where traces are on. Thread-safe.
class Tracing {
 public:
  Tracing(ops::Tracer& tracer, std::string service, std::string system)
      : tracer_(tracer), service_(std::move(service)), system_(std::move(system)) {}

  [[nodiscard]] TimePoint now() const { return tracer_.now(); }
  [[nodiscard]] ops::Tracer& tracer() const { return tracer_; }

  /// Events of this service that were handed to the broker, or written to the outbox (`create`), in the span that the
  /// thread is in. Of others, which it passes on, they are the spans of whoever made them.
  enum class Operation { send, create };
  void published(Operation operation, std::string_view topic, std::span<const EnvelopeView> events, TimePoint began,
                 const Result<>& done) const;
  /// The outbox' relay has published them.
  void relayed(std::string_view topic, std::span<const EnvelopeView> events, TimePoint began) const;

  /// One delivery, from its coming to its settling; attempts are within it.
  void delivered(const Task& task, std::string_view handler, std::string_view group) const;
  /// The span of an attempt; of several events it is of a trace of its own, with links to theirs.
  [[nodiscard]] TraceParent begin_attempt(Task* first, std::size_t size) const;
  void attempted(const TraceParent& self, Task* first, std::size_t size, std::span<detail::Handler::Item> items,
                 std::string_view handler, std::string_view group, TimePoint began, const Result<>& done) const;
  /// A saga's step, within the attempt.
  void moved(std::string_view saga, std::string_view id, TimePoint began, const Result<>& done) const;

 private:
  [[nodiscard]] std::vector<ops::Attribute> attributes(std::string_view name, std::string_view type,
                                                       std::string_view topic) const;
  static void fail(ops::SpanData& span, const Error& error);

  ops::Tracer& tracer_;
  const std::string service_;
  const std::string system_;
};

/// While it lives, what this thread publishes gets no spans: it was published before, and waited.
class Untraced {
 public:
  Untraced();
  ~Untraced();
  Untraced(const Untraced&) = delete;
  Untraced& operator=(const Untraced&) = delete;
};

}  // namespace tidings::service
