#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "brokers/memory/chunk.hpp"
#include "brokers/memory/group.hpp"
#include "tidings/base/producer_table.hpp"

namespace tidings::brokers::memory {

/// A topic, its events and its groups. Thread-safe. What takes a `Member` is called by its consumer alone, which leaves
/// before it goes.
class Topic {
 public:
  Topic(std::string name, const TopicOptions& options);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint32_t partitions() const { return static_cast<std::uint32_t>(partitions_.size()); }
  [[nodiscard]] std::size_t event_bytes_max() const { return event_bytes_max_; }

  /// The partition of a call's events without a key.
  [[nodiscard]] std::uint32_t next_partition();
  struct Part {
    std::uint32_t partition = 0;
    std::shared_ptr<Chunk> chunk;
    std::vector<std::uint64_t> sequences;  // of the events, where they have a producer
  };
  /// Appends all at once. The chunks' first offsets are theirs from here on.
  void append(std::span<const Part> parts, TimePoint now);
  struct Once {
    std::vector<std::vector<ProducerTable::Place>> duplicates;  // of each part, its first events: they are not appended
    std::size_t bytes_left = 0;                                 // of chunks of which nothing is appended
  };
  /// The same for a producer. Error `fenced`: nothing is appended.
  Result<Once> append_once(std::span<const Part> parts, const Producer& producer, TimePoint now);

  void join(Member& member);
  void leave(Member& member);
  /// Waits until the member's deliveries are settled, or `wait_max` is over, then leaves.
  void drain(Member& member, Duration wait_max);
  /// What `drain` does first, without waiting.
  void begin_leaving(Member& member);

  Result<std::vector<Delivery>> fetch(Member& member, std::size_t max, Duration wait_max);
  Result<> settle(Member& member, std::span<const DeliveryId> ids, Outcome outcome);
  Result<> reject(Member& member, std::span<const DeliveryId> ids, Duration delay);
  Result<> extend(Member& member, std::span<const DeliveryId> ids);
  [[nodiscard]] std::vector<Partition> assignment(const Member& member);
  [[nodiscard]] std::optional<Hold> keep(const Member& member, Partition partition);
  void let_go(const Member& member, Partition partition);
  void wake(Member& member);

  [[nodiscard]] TopicInfo info();
  [[nodiscard]] std::vector<GroupInfo> groups();
  Result<> seek(const std::string& group, const Start& to);
  Result<> delete_group(const std::string& group);

  /// Removes what every group has settled, if there is one. Returns the bytes that this freed.
  std::size_t trim();

 private:
  struct Kept {
    std::deque<SharedChunk> chunks;
    std::uint64_t earliest = 0;
    std::uint64_t end = 0;
    ProducerTable producers;

    [[nodiscard]] std::deque<SharedChunk>::const_iterator chunk_of(std::uint64_t offset) const;
    [[nodiscard]] std::uint64_t resolve(std::size_t number, const Start& start) const;
  };

  [[nodiscard]] std::vector<std::uint64_t> resolve(const Start& start) const;
  void append_locked(const Part& part);
  void notify_readers_of(std::uint32_t partition);
  void read(Member& member, std::size_t max, std::vector<Delivery>& out);
  void read_for_group(Member& member, std::size_t max, std::vector<Delivery>& out);
  void deliver(std::uint32_t partition, std::uint64_t offset, std::uint64_t count, std::uint64_t generation,
               int attempt, std::vector<Delivery>& out) const;
  [[nodiscard]] std::optional<SteadyTime> next_due(const Member& member) const;
  template <class Act>
  Result<> for_each_held(Member& member, std::span<const DeliveryId> ids, Act act);

  const std::string name_;
  const std::size_t event_bytes_max_;
  std::mutex mutex_;
  std::vector<Kept> partitions_;
  std::uint32_t turn_ = 0;
  TimePoint last_appended_{};
  std::map<std::string, std::unique_ptr<Group>> groups_;
  std::vector<Member*> readers_;
};

}  // namespace tidings::brokers::memory
