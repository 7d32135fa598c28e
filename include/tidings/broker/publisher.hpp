#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "tidings/base/log_sink.hpp"
#include "tidings/broker/types.hpp"

namespace tidings {

struct PublisherOptions {
  std::size_t window = 64;  ///< events handed over and not acknowledged, at most 1,000,000; a larger batch goes alone
  LogSink* log = &stderr_log();  ///< of what callbacks throw; outlives the publisher
};

/// What every broker checks before it makes a publisher. Error `invalid_options` (never).
Result<> validate(const PublisherOptions& options);

/// Publishes to one topic without waiting for each acknowledgement: many are on their way at once, and are synced, or
/// sent, together. Thread-safe. Its broker outlives it.
class Publisher {
 public:
  virtual ~Publisher() = default;

  /// What became of one publish: the places of its events, or the errors of `Broker::publish`. Called once for each
  /// that was accepted, in the order in which they were, one at a time, on a thread of the publisher. It should return
  /// soon: those behind it wait. It may publish, where the window has room. What it throws is logged.
  using Acknowledged = std::function<void(Result<std::vector<Published>>)>;

  /// Hands the events over, and returns when the window has room for them. They are borrowed for the call.
  /// `options.wait_max` is for all of it, room, writing and the acknowledgement. Errors: `backpressure` (same call)
  /// where there was no room in time, and those of `Broker::publish`: nothing was written, and `acknowledged` is not
  /// called.
  virtual Result<> publish(std::span<const EnvelopeView> events, Acknowledged acknowledged,
                           const PublishOptions& options = {}) = 0;

  /// Returns when all that was accepted before has been acknowledged. Errors: `timeout` (same call), `own_callback`
  /// (never) where an `acknowledged` asks for it.
  virtual Result<> flush(Duration wait_max = std::chrono::seconds{30}) = 0;
};

/// For those who write a broker: how a publish is done in two steps. Thread-safe.
class TwoStepPublish {
 public:
  virtual ~TwoStepPublish() = default;
  /// Waits for the acknowledgement, by its deadline.
  using Finish = std::function<Result<std::vector<Published>>()>;
  /// Hands the events over. What is handed over first is acknowledged first, or not later.
  virtual Result<Finish> begin(std::span<const EnvelopeView> events, const PublishOptions& options) = 0;
};

/// A publisher over two steps: the window, the order, and the thread. Its end waits for what is on its way.
[[nodiscard]] std::unique_ptr<Publisher> make_publisher(std::unique_ptr<TwoStepPublish> steps,
                                                        const PublisherOptions& options);

}  // namespace tidings
