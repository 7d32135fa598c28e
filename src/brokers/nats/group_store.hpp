#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "brokers/nats/api.hpp"
#include "brokers/nats/group_record.hpp"
#include "tidings/broker/types.hpp"

namespace tidings::brokers::nats {

/// The records of one group on one topic. For one thread at a time.
class GroupStore {
 public:
  GroupStore(Api& api, std::string topic, std::string group, std::uint32_t partitions)
      : api_(api), topic_(std::move(topic)), group_(std::move(group)), partitions_(partitions) {}

  struct Seen {
    GroupRecord record;
    std::uint64_t revision = 0;  ///< 0: there is no group
    TimePoint written{};         ///< by the server's clock
  };
  /// As it is now.
  Result<Seen> read(SteadyTime until);
  /// Writes what `change` makes of it, and tells others; `change` is called again where somebody was faster, or nobody
  /// knows whether the last try went through: twice must be as good as once. It returns whether there is something to
  /// write. Begins with `seen`, where that is likely to be still so.
  Result<Seen> change(std::optional<Seen> seen, const std::function<Result<bool>(GroupRecord&)>& change, bool tells,
                      SteadyTime until);
  Result<> remove(SteadyTime until);

  struct Position {
    PositionRecord record;
    std::uint64_t revision = 0;  ///< 0: there is none
  };
  Result<Position> position(std::uint32_t partition, SteadyTime until);
  /// Whether the group's record says so.
  Result<bool> holds(const std::string& member, std::uint32_t partition, SteadyTime until);
  /// Writes it under a higher epoch, so that nobody else writes it any more. `move`, where given, says what else is so.
  Result<Position> take(std::uint32_t partition, const std::function<void(PositionRecord&)>& move, SteadyTime until);
  Result<std::shared_ptr<Answer>> begin_put(std::uint32_t partition, const PositionRecord& record,
                                            std::uint64_t revision);
  /// Makes those that are not there yet.
  Result<> make_positions(const std::vector<std::uint64_t>& positions, SteadyTime until);

 private:
  Api& api_;
  const std::string topic_;
  const std::string group_;
  const std::uint32_t partitions_;
};

/// Where `start` is in each partition of a topic, as offsets.
[[nodiscard]] Result<std::vector<std::uint64_t>> resolve(Api& api, std::string_view topic, std::uint32_t partitions,
                                                         const Start& start, SteadyTime until);

}  // namespace tidings::brokers::nats
