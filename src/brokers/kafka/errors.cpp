#include "brokers/kafka/errors.hpp"

#include "tidings/base/text.hpp"

namespace tidings::brokers::kafka {

Error closed() {
  return {"closed", "this kafka broker is closed; open it again", Retry::reopen};
}

Error unknown_topic(std::string_view name) {
  return {"unknown_topic", "there is no topic '" + printable(name) + "'; publish to it or create it first"};
}

bool is_away(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
      return true;
    default:
      return false;
  }
}

Error error_of(rd_kafka_resp_err_t code, std::string_view doing, const LogRelay& relay, std::string_view more) {
  const auto said = relay.without_secrets(more.empty() ? rd_kafka_err2str(code) : more);
  const auto message = std::string(doing) + ": " + said;
  if (is_away(code)) {
    const auto trouble = relay.last_trouble();
    const auto why = relay.refusal();
    if (const auto mechanisms = relay.mechanisms(); !why.empty() && !mechanisms.empty())
      return {std::string(why), std::string(doing) +
                                    ": the server does not take the SASL mechanism in the URL; it takes " + mechanisms +
                                    ", so say ?sasl=, and the user of that"};
    if (!why.empty())
      return {std::string(why),
              message + "; look at the user, its password and the certificates in the URL (last: " + trouble + ")"};
    return {"unreachable",
            message + "; it works again once the server answers" + (trouble.empty() ? "" : " (last: " + trouble + ")"),
            Retry::same_call};
  }
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return {"unknown_topic", message};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return {"too_large",
              message + "; the topic's max.message.bytes, or the server's socket.request.max.bytes, is below that"};
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return {"invalid_name", message};
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__FATAL:
      return {"unreachable", message + "; another client is begun with the next call", Retry::same_call};
    case RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED:
      return {"too_many_members", message + "; the server's group.max.size says how many", Retry::same_call};
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
      return {
          "invalid_options",
          message +
              "; ?session= is not between the server's group.min.session.timeout.ms and group.max.session.timeout.ms"};
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return {"invalid_options", message};
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return {"permission_denied", message + "; the server's rules (ACLs), or the user in the URL, say so"};
    case RD_KAFKA_RESP_ERR__SSL:
      return {"tls_failed", message + "; look at ca, cert and key in the URL"};
    case RD_KAFKA_RESP_ERR__DESTROY:
      return closed();
    default:
      return {"io_error", message + " (" + rd_kafka_err2name(code) + ")", Retry::same_call};
  }
}

}  // namespace tidings::brokers::kafka
