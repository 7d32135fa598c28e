#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "brokers/kafka/cluster.hpp"
#include "brokers/kafka/errors.hpp"

namespace tidings::brokers::kafka {

using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, Ends<rd_kafka_AdminOptions_destroy>>;

inline int ms_of(Duration duration) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(duration).count();
  return static_cast<int>(ms < 0 ? 0 : ms > 3'600'000 ? 3'600'000 : ms);
}

/// Asks again while a server is only away for now, as it is of a topic that was made a moment ago: for a bounded time.
template <class Ask>
auto patiently(SteadyTime until, Ask ask) {
  constexpr Duration pause = std::chrono::milliseconds{20};
  auto answer = ask();
  while (!answer && answer.error().code == "unreachable" && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(pause);
    answer = ask();
  }
  return answer;
}

/// Calls `ask(client, options, queue)`, and waits for the answer. Errors of the whole, not of its parts.
template <class Ask>
Result<Event> Cluster::ask(rd_kafka_admin_op_t operation, const std::string& doing, SteadyTime until, Ask ask) {
  const auto wait = std::max<Duration>(until - std::chrono::steady_clock::now(), std::chrono::milliseconds{1});
  return this->ask(client_.get(), operation, doing, wait, wait + std::chrono::milliseconds{500}, std::move(ask));
}

template <class Ask>
Result<Event> Cluster::ask(rd_kafka_t* client, rd_kafka_admin_op_t operation, const std::string& doing,
                           Duration timeout, Duration wait, Ask ask) {
  const AdminOptions options(rd_kafka_AdminOptions_new(client, operation));
  std::array<char, 256> why{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), ms_of(timeout), why.data(), why.size());
  const Queue queue(rd_kafka_queue_new(client));
  ask(client, options.get(), queue.get());
  Event event(rd_kafka_queue_poll(queue.get(), ms_of(wait)));
  if (!event) return error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, doing, *relay_);
  if (const auto code = rd_kafka_event_error(event.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return error_of(code, doing, *relay_, rd_kafka_event_error_string(event.get()));
  return event;
}

}  // namespace tidings::brokers::kafka
