#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brokers/nats/link.hpp"
#include "brokers/nats/names.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/base/time.hpp"

namespace tidings::brokers::nats {

/// How long an answer of the server is waited for before the question is asked again, or given up.
inline constexpr Duration answer_within = std::chrono::seconds{5};

/// What JetStream answers where it refuses: code `jetstream_NUMBER`, by its `err_code`.
[[nodiscard]] Error jetstream_error(int error_code, std::string_view description);
[[nodiscard]] bool is_jetstream(const Error& error, int error_code);
inline constexpr int stream_not_found = 10059;
inline constexpr int message_not_found = 10037;
inline constexpr int stream_name_in_use = 10058;  // with another configuration
inline constexpr int subjects_overlap = 10065;    // with those of another stream
inline constexpr int consumer_not_found = 10014;
inline constexpr int wrong_last_sequence = 10071;
inline constexpr int wrong_last_message_id = 10070;

/// The members are called as in JetStream's JSON: https://docs.nats.io/reference/reference-protocols/nats_api_reference
struct StreamConfig {
  std::string name;
  std::string description;
  std::vector<std::string> subjects;
  std::string retention = "limits";
  std::string storage = "file";
  std::string discard = "old";
  std::int64_t max_consumers = -1;
  std::int64_t max_msgs = -1;
  std::int64_t max_msgs_per_subject = -1;
  std::int64_t max_bytes = -1;
  std::int64_t max_age = 0;  ///< ns
  std::int64_t max_msg_size = -1;
  std::int64_t num_replicas = 1;
  std::int64_t duplicate_window = 0;  ///< ns
  bool deny_delete = false;
  bool allow_rollup_hdrs = false;
};

struct StreamState {
  std::uint64_t messages = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::map<std::string, std::uint64_t> subjects;  ///< of `stream_info` with a filter: how many messages each has

  [[nodiscard]] std::uint64_t earliest() const { return messages == 0 ? last_seq : first_seq - 1; }
  [[nodiscard]] std::uint64_t end() const { return last_seq; }
};

struct StreamInfo {
  StreamConfig config;
  StreamState state;
  std::string created;  ///< when: another of its name, made after it was deleted, has another
};

struct ConsumerConfig {
  std::string name;
  std::string ack_policy = "none";
  std::string deliver_policy = "all";  ///< `by_start_sequence`, `by_start_time`
  std::optional<std::uint64_t> opt_start_seq;
  std::optional<std::string> opt_start_time;
  std::string replay_policy = "instant";
  std::int64_t inactive_threshold = 0;  ///< ns, after which the server forgets it
  std::int64_t max_waiting = 16;
  std::int64_t num_replicas = 1;
  bool mem_storage = true;
};

/// A record of the bucket, or another stream's message.
struct Record {
  std::string value;
  std::string headers;  ///< as they are sent, `NATS/1.0\r\nNAME: VALUE\r\n…`
  std::uint64_t revision = 0;
  TimePoint written{};  ///< by the server's clock
};

/// JetStream's calls, as far as they are needed. Thread-safe. What only asks, or may be done twice, is tried again
/// until `until` where the connection goes; then it fails with `unreachable` (same call). What JetStream refuses comes
/// as `jetstream_error`.
class Api {
 public:
  explicit Api(std::shared_ptr<Link> link) : link_(std::move(link)) {}

  [[nodiscard]] Link& link() const { return *link_; }
  [[nodiscard]] const std::shared_ptr<Link>& shared_link() const { return link_; }

  Result<StreamInfo> create_stream(const StreamConfig& config, SteadyTime until);
  Result<StreamInfo> update_stream(const StreamConfig& config, SteadyTime until);
  Result<> delete_stream(const std::string& stream, SteadyTime until);
  /// `subjects_filter`: tells of the subjects that match it as well.
  Result<StreamInfo> stream_info(const std::string& stream, SteadyTime until, const std::string& subjects_filter = {});

  /// Where the consumer begins, as a sequence.
  Result<std::uint64_t> create_consumer(const std::string& stream, const ConsumerConfig& config, SteadyTime until);
  /// What the server's clock says, for a stream that is there: two clocks of two machines are not compared.
  Result<TimePoint> server_now(const std::string& stream, SteadyTime until);
  /// Without waiting for an answer: the server forgets it by itself as well.
  void delete_consumer(const std::string& stream, const std::string& consumer);

  /// None where there is none.
  Result<std::optional<Record>> get_record(const std::string& subject, SteadyTime until) {
    return get_last(std::string(bucket_stream), subject, until);
  }
  /// The last message of a subject in a stream, as its leader knows it.
  Result<std::optional<Record>> get_last(const std::string& stream, const std::string& subject, SteadyTime until);
  /// Writes it where its revision is still that (0: where it is not there). Returns the new one. Error
  /// `jetstream_10071` where it is another; after `timeout` and `disconnected` it may have been written or not.
  Result<std::uint64_t> put_record(const std::string& subject, std::string_view value, std::uint64_t revision,
                                   SteadyTime until);
  /// The same in two steps, so that several are on their way at once.
  Result<std::shared_ptr<Answer>> begin_put(const std::string& subject, std::string_view value, std::uint64_t revision);
  static Result<std::uint64_t> finish_put(Answer& answer, SteadyTime until);
  /// Removes records, `>` and `*` in the subject included, without a trace.
  Result<> purge_records(const std::string& subject, SteadyTime until);
  /// The tokens behind a prefix, of the records that there are.
  Result<std::vector<std::string>> records(const std::string& prefix, SteadyTime until);

 private:
  /// Whether the stream is there, and can be asked for its messages.
  Result<bool> is_made(const std::string& stream, const std::string& subject, SteadyTime until);
  Result<std::string> call(const std::string& subject, std::string_view request, SteadyTime until);

  std::shared_ptr<Link> link_;
};

/// What JetStream answers to a message that was published to a stream.
struct Stored {
  std::uint64_t sequence = 0;
  bool is_duplicate = false;
};
[[nodiscard]] Result<Stored> read_acknowledgement(std::string_view json);

}  // namespace tidings::brokers::nats
