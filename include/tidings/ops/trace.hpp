#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tidings/base/clock.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/base/result.hpp"
#include "tidings/event/trace_parent.hpp"

/// Traces as OpenTelemetry has them, sent as OTLP over HTTP (JSON, https://opentelemetry.io/docs/specs/otlp/).
namespace tidings::ops {

enum class SpanKind { internal = 1, server = 2, client = 3, producer = 4, consumer = 5 };  // as on the wire

struct Attribute {
  std::string name;
  std::variant<std::string, std::int64_t, bool> value;
};

/// A span that is over.
struct SpanData {
  TraceParent self;
  std::uint64_t parent = 0;  ///< the span's; 0: it is a root
  std::string name;
  SpanKind kind = SpanKind::internal;
  TimePoint start{};
  TimePoint end{};
  std::vector<Attribute> attributes{};
  std::vector<TraceParent> links{};
  std::string error{};  ///< what went wrong; empty: nothing
};

/// Which traces are kept.
struct Sampler {
  double share = 1;            ///< of new traces, by their ids
  bool follows_parent = true;  ///< where there is a parent it has decided
};

struct TraceOptions {
  std::string endpoint;  ///< `http://…/v1/traces`, or `https://`; empty: no traces
  std::string
      authorities_file{};  ///< PEM; whom https trusts in place of whom the system does; empty: whom the system does
  /// Of each request; not Host, Connection, and what tells of the body.
  std::vector<std::pair<std::string, std::string>> headers{};
  std::vector<Attribute> resource{};  ///< `service.name` and the like
  Sampler sampler{};
  Duration timeout = std::chrono::seconds{10};   ///< of a batch, with attempts that follow; up to 24 h
  Duration delay_max = std::chrono::seconds{5};  ///< a span waits so long for others to go with; up to 24 h
  std::size_t queue_max = 2'048;                 ///< spans that wait; beyond it they are dropped
  std::size_t batch_max = 512;                   ///< spans of a request
};

/// What the standard variables say (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, …; docs/operations.md has all
/// that are read). `variables`: name and value of each. Errors (never): `invalid_setting`, `unsupported`.
[[nodiscard]] Result<TraceOptions> trace_options(const std::vector<std::pair<std::string, std::string>>& variables,
                                                 std::string_view service);

/// Takes spans that are over and sends them, in batches, from a thread of its own. Who ends one waits for nothing:
/// where the queue is full, or the collector away, it is dropped and counted. Thread-safe.
class Tracer {
 public:
  /// Off: it takes nothing, and costs nothing.
  Tracer();
  /// One that sends to `options.endpoint`, whether or not a collector is there yet; off where that is empty. `log`
  /// hears when spans are lost, and when they go again. `log`, `entropy` and `clock` outlive it. Waits for nobody.
  ///
  /// Errors: `invalid_options` (never), which names the member of `TraceOptions`; `unsupported` (never): `https://`,
  /// and Tidings was built without OpenSSL; `too_many_files` (same call).
  [[nodiscard]] static Result<std::unique_ptr<Tracer>> make(TraceOptions options, LogSink& log,
                                                            Entropy& entropy = system_entropy(),
                                                            Clock& clock = system_clock());
  /// As `stop`.
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  [[nodiscard]] bool is_on() const { return impl_ != nullptr; }

  /// A span that begins in the trace of `parent`, or a new trace where that is not valid. Off: not valid.
  [[nodiscard]] TraceParent begin(const TraceParent& parent = {}) const;
  /// Takes it, if its trace is sampled, and waits for nobody.
  void end(SpanData span) const;
  /// By its clock; the epoch where it is off.
  [[nodiscard]] TimePoint now() const;

  /// The span that this thread is in; not valid without one.
  [[nodiscard]] static const TraceParent& current();

  struct Counts {
    std::uint64_t exported = 0;      ///< spans that the collector took
    std::uint64_t dropped_full = 0;  ///< the queue was full, or it had been stopped
    std::uint64_t dropped_away = 0;  ///< the collector did not take them
    std::size_t waiting = 0;         ///< in the queue, without those that are being sent
  };
  [[nodiscard]] Counts counts() const;

  /// Sends what waits, for two seconds at most; what is left then is dropped and counted. From then on it takes
  /// nothing.
  void stop();

 private:
  struct Impl;
  explicit Tracer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// This thread is in that span, until the end of the scope.
class InSpan {
 public:
  explicit InSpan(const TraceParent& span);
  ~InSpan();
  InSpan(const InSpan&) = delete;
  InSpan& operator=(const InSpan&) = delete;

 private:
  TraceParent before_;
};

/// A span of the program's own, of the one that the thread is in; what is published meanwhile belongs to it. From its
/// making to its end, on one thread. Not thread-safe.
class Span {
 public:
  /// Begins now; `tracer` outlives it.
  Span(const Tracer& tracer, std::string_view name, SpanKind kind = SpanKind::internal);
  /// Ends now, and is given to the tracer.
  ~Span();
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  /// One more attribute; a second one of a name is sent as well.
  void set(std::string_view name, std::variant<std::string, std::int64_t, bool> value);
  /// What it is of went wrong.
  void fail(std::string_view why);
  /// To be the parent of others; not valid where the tracer is off.
  [[nodiscard]] const TraceParent& context() const { return data_.self; }

 private:
  const Tracer& tracer_;
  SpanData data_;
  InSpan in_;
};

}  // namespace tidings::ops
