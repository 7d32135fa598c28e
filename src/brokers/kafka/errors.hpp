#pragma once

#include <string_view>

#include "brokers/kafka/client.hpp"

namespace tidings::brokers::kafka {

/// What an error of librdkafka, or of a server, is to those who call us. `doing` begins the message: "creating topic
/// orders". `more` is what a server said beside the code. Nothing of it says whether anything was written.
[[nodiscard]] Error error_of(rd_kafka_resp_err_t code, std::string_view doing, const LogRelay& relay,
                             std::string_view more = {});

/// Whether the server, or the way to it, is only away for now.
[[nodiscard]] bool is_away(rd_kafka_resp_err_t code);

[[nodiscard]] Error closed();
[[nodiscard]] Error unknown_topic(std::string_view name);

}  // namespace tidings::brokers::kafka
