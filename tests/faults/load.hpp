#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "history.hpp"
#include "tidings/brokers/open.hpp"

namespace tidings::faults {

using OpenBroker = std::function<Result<std::unique_ptr<Broker>>()>;

/// How often each thing went wrong, by its code. Thread-safe.
class Troubles {
 public:
  void count(const std::string& call, const Error& error) {
    const std::scoped_lock lock(mutex_);
    ++counts_[call + " " + error.code];
    if (error.retry == Retry::never && error.code != "not_owner") never_ = call + ": " + to_string(error);
  }
  /// `publish unreachable 3, settle not_owner 1`.
  [[nodiscard]] std::string text() const;
  /// What no fault of a server explains: an error that says that trying again is of no use.
  [[nodiscard]] std::string never() const {
    const std::scoped_lock lock(mutex_);
    return never_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> counts_;
  std::string never_;
};

struct MemberOptions {
  std::string topic;
  std::string group = "group";
  std::uint32_t number = 0;  ///< in the history
  std::uint64_t seed = 0;
  Duration settle_within = std::chrono::seconds{30};
  Duration work_max{};  ///< a handler takes up to that, at random
};

/// A member of a group until `ends` says so: fetches, tells, works, settles. It leaves politely. `tell` may be called
/// for several steps at once. Its broker is opened anew, and it subscribes anew, where that is what an error asks for.
void run_member(const OpenBroker& open, const MemberOptions& options,
                const std::function<void(std::span<const Step>)>& tell, const std::function<bool()>& ends,
                Troubles& troubles);

struct LoadOptions {
  std::string topic;
  std::uint64_t seed = 0;
  std::uint32_t first_key = 0;
  std::uint32_t publishers = 3;                       ///< one of them with a window
  std::uint32_t keys_each = 6;                        ///< nobody else publishes to these
  std::uint32_t members = 2;                          ///< in this process
  Duration publish_within = std::chrono::seconds{2};  ///< at most; at random less, so that some are given up
  Duration pause = std::chrono::milliseconds{4};      ///< of a publisher between two calls
};

/// Publishers, each with keys of its own, and members of a group. An event is published under its id until it is
/// acknowledged, as a user would, before the next of its key goes; but one that was certainly not written may be left
/// out for good. Runs from the start; for one thread.
class Load {
 public:
  /// `open_publishing` and `open_reading`: each thread opens a broker of its own.
  Load(LoadOptions options, OpenBroker open_publishing, OpenBroker open_reading, History& history);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Waits until something more was acknowledged and something more handled; false: not within `wait_max`.
  [[nodiscard]] bool flows(Duration wait_max);
  /// Ends publishing, with every event acknowledged; false: some is not, within `wait_max`.
  [[nodiscard]] bool finish_publishing(Duration wait_max);
  /// Ends the members, once `drained`; false: not within `wait_max`. `finish_publishing` first.
  [[nodiscard]] bool finish(const std::function<bool()>& drained, Duration wait_max);

  [[nodiscard]] Troubles& troubles() { return troubles_; }

 private:
  void publish(std::uint32_t publisher);
  void publish_with_window(std::uint32_t publisher);

  const LoadOptions options_;
  const OpenBroker open_publishing_;
  const OpenBroker open_reading_;
  History& history_;
  Troubles troubles_;
  std::atomic<std::uint64_t> acknowledged_ = 0;
  std::atomic<std::uint64_t> handled_ = 0;
  std::atomic<bool> ends_publishing_ = false;
  std::atomic<bool> gives_up_ = false;
  std::atomic<bool> ends_ = false;
  std::atomic<std::uint32_t> publishing_ = 0;
  std::atomic<std::uint32_t> left_open_ = 0;  // publishers that ended with something not acknowledged
  std::vector<std::jthread> threads_;
};

/// All that stands in the topic, into the history. Error: that of the broker, or `timeout`.
Result<> read_back(Broker& broker, const std::string& topic, History& history, Duration wait_max);

/// Whether the group has settled all there is. False also where the broker does not say.
[[nodiscard]] bool is_drained(Broker& broker, const std::string& topic, const std::string& group = "group");

[[nodiscard]] inline SteadyTime now() {
  return std::chrono::steady_clock::now();
}

}  // namespace tidings::faults
