#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "brokers/kafka/client.hpp"
#include "tidings/broker/types.hpp"

namespace tidings::brokers::kafka {

/// A publish on its way: what the delivery reports of its records have said so far. Thread-safe.
class Pending {
 public:
  explicit Pending(std::vector<Published> places) : places_(std::move(places)), left_(places_.size()) {}

  /// What a server said of the record at `index` of the call. True: it was the last, or the last that is expected, and
  /// `tell` is to be called, soon.
  [[nodiscard]] bool report(std::size_t index, rd_kafka_resp_err_t code, rd_kafka_msg_status_t status,
                            std::int64_t offset);
  /// Wakes who waits.
  void tell() { done_.notify_all(); }
  /// The record was never handed over.
  void refuse(rd_kafka_resp_err_t code);

  /// The next `count` reports are waited for before more is sent; to be said before they can come.
  void expect(std::size_t count);
  /// Waits for those, at most until `until`. What is not `NO_ERROR`: they are not written for sure.
  rd_kafka_resp_err_t wait_for_expected(SteadyTime until);

  /// Waits for all reports, at most until `until`; once. Where it is told apart: nothing was written, or it may have
  /// been.
  Result<std::vector<Published>> wait(SteadyTime until, const std::string& doing, const LogRelay& relay);

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  std::vector<Published> places_;
  std::size_t left_;
  std::size_t wake_at_ = 0;
  std::size_t written_ = 0;
  bool has_guessed_ = false;                               // librdkafka, that some were written
  rd_kafka_resp_err_t code_ = RD_KAFKA_RESP_ERR_NO_ERROR;  // the first that failed
  bool may_be_written_ = false;                            // of those that failed
};

/// What librdkafka carries with each record, and where the record's payload stands meanwhile.
struct InQueue {
  std::shared_ptr<Pending> pending;
  std::size_t index = 0;
  std::size_t bytes = 0;
  std::string payload;
};

}  // namespace tidings::brokers::kafka
