#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "state.hpp"
#include "tidings/service/names.hpp"
#include "tidings/service/service.hpp"

// Positions count in one log. A service that keeps its own asks, before it runs, whether that is the one it runs on.
namespace shop {

/// The id of the event at a place; empty where it was removed meanwhile, or is none.
inline tidings::Result<std::string> id_at(tidings::Broker& broker, const std::string& topic,
                                          tidings::Partition partition, tidings::Offset offset) {
  auto reader = broker.subscribe(topic, {.start = tidings::Start::offset(offset), .create_topic = false});
  if (!reader) return reader.error();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (std::chrono::steady_clock::now() < until) {
    auto got = (*reader)->fetch(100, std::chrono::seconds{1});
    if (!got) return got.error();
    for (const auto& delivery : *got)
      if (delivery.id.partition == partition)
        return delivery.id.offset == offset ? std::string(delivery.envelope.id) : std::string{};
  }
  return tidings::Error{"timeout", "topic " + topic + " gives no events", tidings::Retry::same_call};
}

/// Whether the positions are of the log that the service runs on.
inline tidings::Result<> check_positions(tidings::Service& service, std::string_view topic_name,
                                         const std::string& path, const Positions& positions) {
  auto& broker = service.broker();
  const auto topic = tidings::in_namespace(service.setting("namespace"), topic_name);
  const auto info = broker.topic(topic);
  if (!info && info.error().code != "unknown_topic") return info.error();
  for (const auto& [place, covered] : positions) {
    const auto slash = place.rfind('/');
    if (place.substr(0, slash) != topic_name) continue;
    const tidings::Offset last{covered.before - 1};
    const tidings::PartitionInfo* there = nullptr;
    if (info)
      for (const auto& partition : info->partitions)
        if (std::to_string(partition.partition.value) == place.substr(slash + 1)) there = &partition;
    if (there != nullptr && there->earliest > last) continue;
    tidings::Result<std::string> id = std::string{};
    if (there != nullptr && there->end > last) id = id_at(broker, topic, there->partition, last);
    if (!id) return id.error();
    if (*id == covered.last_id) continue;
    return tidings::Error{"another_log",
                          path + " covers " + std::to_string(covered.before) + " events of " + place +
                              ", the last of them " + covered.last_id + ", but here " +
                              (id->empty() ? "there are fewer" : "that place has " + *id) +
                              ": it was made with another log or namespace. Go back to that one, or move the file away "
                              "to begin at the earliest event"};
  }
  return {};
}

/// Has the group begin anew, where it has begun.
inline tidings::Result<> move_to_earliest(tidings::Service& service, std::string_view handler,
                                          std::string_view topic_name) {
  auto& broker = service.broker();
  const auto name_space = service.setting("namespace");
  const auto topic = tidings::in_namespace(name_space, topic_name);
  const auto name = tidings::in_namespace(name_space, tidings::group_of(service.name(), handler));
  const auto groups = broker.groups(topic);
  if (!groups && groups.error().code == "unknown_topic") return {};
  if (!groups) return groups.error();
  for (const auto& known : *groups) {
    std::uint64_t settled = 0;
    for (const auto& partition : known.partitions) settled += partition.position.value + partition.settled_beyond;
    if (known.group == name && settled > 0) return broker.seek(topic, name, tidings::Start::earliest());
  }
  return {};
}

/// To be called before `run`, with the state as it was loaded from the file `path`.
///
/// Where its positions are of another log than the broker and namespace that the service runs on, that is the error
/// `another_log`: events of this one would be taken for those that the state has already, and vanish. They are of this
/// one where the last event that they cover stands at its place: ids are unique. (Where retention has removed it,
/// nothing can be said, and it is believed.)
///
/// Without a file, the group is moved to the earliest event, wherever it stood, and the file is made: whoever moves it
/// away has the state made anew. One that covers nothing yet says that nothing of what came is in it: the group goes on
/// where it stands.
template <class State>
tidings::Result<> resume(tidings::Service& service, std::string_view handler, std::string_view topic_name,
                         const std::string& path, const State& state) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return check_positions(service, topic_name, path, state.positions);
  if (error) return tidings::Error{"io_error", "cannot look for " + path + ": " + error.message()};
  if (auto moved = move_to_earliest(service, handler, topic_name); !moved) return moved;
  return save_state(path, state);
}

}  // namespace shop
