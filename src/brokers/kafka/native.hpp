#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <vector>

namespace tidings::brokers::kafka {

/// Ends what librdkafka made, by its function for that.
template <auto end>
struct Ends {
  template <class T>
  void operator()(T* one) const {
    end(one);
  }
};

using Conf = std::unique_ptr<rd_kafka_conf_t, Ends<rd_kafka_conf_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Ends<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Ends<rd_kafka_event_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Ends<rd_kafka_message_destroy>>;
using NativeHeaders = std::unique_ptr<rd_kafka_headers_t, Ends<rd_kafka_headers_destroy>>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Ends<rd_kafka_topic_destroy>>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, Ends<rd_kafka_topic_partition_list_destroy>>;
using NativeError = std::unique_ptr<rd_kafka_error_t, Ends<rd_kafka_error_destroy>>;

inline PartitionList make_list(std::size_t size) {
  return PartitionList(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

}  // namespace tidings::brokers::kafka
