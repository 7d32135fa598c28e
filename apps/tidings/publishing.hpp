#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "lines.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// Makes events of lines, and publishes them in batches. What fails is told, line by line, and the others are
/// published.
class Publishing {
 public:
  struct Options {
    std::chrono::milliseconds retry_for{30'000};  ///< where the broker says that the same call may succeed
    /// Of lines one after another, the last one included: what is wrong with all of them is told once.
    std::function<void(std::uint64_t first, std::uint64_t last, const Error&)> on_failure;
    std::function<void(const Error&)> on_wait;          ///< once a batch, before it is tried again; may be empty
    std::function<Result<>(std::string_view)> on_acks;  ///< `ID PARTITION OFFSET` a line
  };
  /// Both must live as long as this. `topic` is the name as the broker has it.
  Publishing(std::string topic, const Common& common, const PublishArguments& arguments, Options options);

  /// Whether the arguments make sense; needs no broker, and touches nothing. Errors: `invalid_…`.
  Result<> check();
  /// Creates the topic, after `check`. `broker` must live as long as this. Errors as `Broker::create_topic`.
  Result<> begin(Broker& broker);
  [[nodiscard]] std::size_t event_bytes_max() const { return event_bytes_max_; }

  /// Takes the line into the batch; blank ones are passed over.
  void add(const LineReader::Line& line);
  [[nodiscard]] bool is_empty() const { return lines_.empty(); }
  [[nodiscard]] bool is_full() const;

  /// Publishes the batch. Errors: what the broker says where going on makes no sense, what `on_acks` says.
  Result<> flush();

  [[nodiscard]] std::uint64_t published() const { return published_; }
  [[nodiscard]] bool any_failed() const { return any_failed_; }

 private:
  struct Line {
    std::uint64_t number;
    Envelope envelope;
  };

  Envelope blank() const;
  Result<Envelope> make(std::string_view data) const;
  Result<std::vector<Published>> try_for_a_while(std::span<const EnvelopeView> events);
  std::string acks(std::span<const Published> places) const;
  [[nodiscard]] Error too_large(const std::string& size) const;
  void fail(std::uint64_t first, std::uint64_t last, const Error& error);

  Broker* broker_ = nullptr;
  std::string topic_;
  const Common& common_;
  const PublishArguments& arguments_;
  Options options_;
  TopicOptions topic_options_;
  Headers headers_;
  std::size_t event_bytes_max_ = 0;
  std::vector<Line> lines_;
  std::size_t bytes_ = 0;
  std::uint64_t published_ = 0;
  bool any_failed_ = false;
};

}  // namespace tidings::cli
