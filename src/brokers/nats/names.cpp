#include "brokers/nats/names.hpp"

#include <algorithm>

namespace tidings::brokers::nats {

std::string to_token(std::string_view name) {
  std::string token(name);
  std::ranges::replace(token, '.', '=');
  return token;
}

std::string from_token(std::string_view token) {
  std::string name(token);
  std::ranges::replace(name, '=', '.');
  return name;
}

std::string stream_name(std::string_view topic, std::uint32_t partition) {
  return "tidings=" + to_token(topic) + "=" + std::to_string(partition);
}

std::string subject_name(std::string_view topic, std::uint32_t partition) {
  return "tidings." + to_token(topic) + "." + std::to_string(partition);
}

std::string producer_subject(std::string_view topic, std::uint32_t partition, std::uint64_t producer) {
  return subject_name(topic, partition) + "." + std::to_string(producer);
}

std::string topic_subject(std::string_view topic) {
  return std::string(topics_prefix) + to_token(topic);
}

std::string groups_prefix(std::string_view topic) {
  return "$KV.tidings.groups." + to_token(topic) + ".";
}

std::string group_subject(std::string_view topic, std::string_view group) {
  return groups_prefix(topic) + to_token(group);
}

std::string positions_prefix(std::string_view topic, std::string_view group) {
  return "$KV.tidings.positions." + to_token(topic) + "." + to_token(group) + ".";
}

std::string position_subject(std::string_view topic, std::string_view group, std::uint32_t partition) {
  return positions_prefix(topic, group) + std::to_string(partition);
}

std::string change_subject(std::string_view topic, std::string_view group) {
  return "tidings-changed." + to_token(topic) + "." + to_token(group);
}

}  // namespace tidings::brokers::nats
