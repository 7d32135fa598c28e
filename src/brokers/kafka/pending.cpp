#include "brokers/kafka/pending.hpp"

#include "brokers/kafka/errors.hpp"

namespace tidings::brokers::kafka {

bool Pending::report(std::size_t index, rd_kafka_resp_err_t code, rd_kafka_msg_status_t status, std::int64_t offset) {
  const std::scoped_lock lock(mutex_);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++written_;
    // Without a place it is librdkafka's guess, since the server took what was sent after it; see ProducedTopic.
    has_guessed_ = has_guessed_ || offset < 0;
    places_[index].offset = Offset{static_cast<std::uint64_t>(offset)};
  } else {
    if (code_ == RD_KAFKA_RESP_ERR_NO_ERROR) code_ = code;
    may_be_written_ = may_be_written_ || status != RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
  }
  --left_;
  return left_ == wake_at_ || left_ == 0;
}

void Pending::expect(std::size_t count) {
  const std::scoped_lock lock(mutex_);
  wake_at_ = left_ - count;
}

rd_kafka_resp_err_t Pending::wait_for_expected(SteadyTime until) {
  std::unique_lock lock(mutex_);
  const bool all = done_.wait_until(lock, until, [&] { return left_ <= wake_at_; });
  wake_at_ = 0;
  if (!all) return RD_KAFKA_RESP_ERR__TIMED_OUT;
  return has_guessed_ ? RD_KAFKA_RESP_ERR__INCONSISTENT : code_;
}

void Pending::refuse(rd_kafka_resp_err_t code) {
  if (report(0, code, RD_KAFKA_MSG_STATUS_NOT_PERSISTED, -1)) tell();
}

Result<std::vector<Published>> Pending::wait(SteadyTime until, const std::string& doing, const LogRelay& relay) {
  std::unique_lock lock(mutex_);
  const bool all = done_.wait_until(lock, until, [&] { return left_ == 0; });
  if (all && code_ == RD_KAFKA_RESP_ERR_NO_ERROR && !has_guessed_) return std::move(places_);
  if (all && written_ == 0 && !may_be_written_) {
    auto error = error_of(code_, doing, relay);
    error.message += "; nothing was written";
    return error;
  }
  const auto why = !all           ? std::to_string(left_) + " of its events are not acknowledged in time"
                   : has_guessed_ ? "the server did not say where some of its events stand"
                                  : std::string(rd_kafka_err2str(code_));
  const auto trouble = relay.last_trouble();
  return Error{"outcome_unknown",
               doing + ": " + why +
                   "; some or all may have been written, or may still be: publish them again with the same ids" +
                   (trouble.empty() ? "" : " (last: " + trouble + ")"),
               Retry::same_call};
}

}  // namespace tidings::brokers::kafka
