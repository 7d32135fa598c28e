#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "dashboard/health.hpp"
#include "dashboard/observation.hpp"
#include "dashboard/series.hpp"
#include "tidings/service/pausing.hpp"

namespace tidings::cli {

/// A topic, and a group on one, as they stood at the last look.
struct TopicState {
  std::string topic;
  std::uint64_t events = 0;
  double rate = 0;  ///< published a second
  std::vector<PartitionInfo> partitions;
  Durability durability = Durability::durable;
};
struct GroupState {
  std::string group, topic;
  std::uint64_t lag = 0, open_letters = 0;
  bool has_members = false;
  Judgement judgement;
};
struct ServiceState {
  std::string service;
  Doing doing = Doing::idle;
  std::string reason;
  TimePoint since{};
  std::uint64_t handlers = 0, lag = 0;
  double rate = 0;  ///< handled a second
};

/// Everything at one look; by name, worst groups not first.
struct Picture {
  std::uint64_t number = 0;  ///< of the look
  TimePoint now{};
  double published = 0, handled = 0, parked = 0;  ///< a second, over the last five
  std::uint64_t lag = 0, open_letters = 0;
  std::vector<TopicState> topics;  ///< without those of dead letters, and Tidings' own
  std::vector<GroupState> groups;
  std::vector<ServiceState> services;
  std::vector<Observation::Damaged> damaged;
  std::string problem;  ///< why nothing newer is known; empty: it is

  [[nodiscard]] const TopicState* topic(std::string_view name) const;
  [[nodiscard]] const GroupState* group(std::string_view topic, std::string_view name) const;
};

/// What a group's partitions lagged by, a point each five seconds of the last ten minutes.
struct GroupHistory {
  std::vector<std::int64_t> times;      ///< unix seconds
  std::vector<std::vector<float>> lag;  ///< by partition
  std::vector<float> handled;           ///< a second
};

/// Turns looks at a broker into what is shown of it. Keeps a picture of the last look, series of the whole (fixed
/// memory, see `Series`), and histories of groups: of 16,384 partitions at most, 8 MiB; groups beyond these have none.
/// Thread-safe.
class Collector {
 public:
  explicit Collector(const Common& common) : common_(common) {}

  void take(Observation seen);
  /// A look failed: what was seen last stays, and says so.
  void take_problem(const Error& error, TimePoint now);
  /// Told by whoever reads them, now and then.
  void set_open_letters(std::map<std::string, std::uint64_t, std::less<>> by_group);
  void set_paused(std::vector<PauseState> paused);
  /// Somebody who read a topic met what is damaged, which a look at it does not. Pictures name it until ten minutes
  /// after it was met last, or the topic has gone.
  void met_damage(const std::string& topic, const std::string& why, SteadyTime now);

  [[nodiscard]] std::shared_ptr<const Picture> picture() const;
  /// The last look itself.
  [[nodiscard]] std::shared_ptr<const Observation> observation() const;
  [[nodiscard]] std::string series_json(std::size_t window, TimePoint now, std::uint32_t& step) const;
  [[nodiscard]] std::optional<GroupHistory> history(std::string_view group, std::string_view topic) const;
  /// Why a group is paused; empty: it is not.
  [[nodiscard]] std::string pause_of(std::string_view group) const;

 private:
  static constexpr std::size_t history_points = 120;
  static constexpr std::size_t history_partitions_max = 16'384;
  struct Track {
    GroupHealth health;
    std::vector<std::vector<float>> lag;  // rings of `history_points`, by partition
    std::vector<float> handled;
    std::vector<std::int64_t> times;
    std::size_t next = 0;
    std::uint64_t seen_at = 0;  // the look
  };
  struct TopicTrack {
    std::vector<std::pair<SteadyTime, std::uint64_t>> looks;  // sums of ends within the last seconds
    std::uint64_t seen_at = 0;
  };
  double topic_rate(const TopicInfo& topic, SteadyTime at);
  void keep(Track& track, const GroupInfo& group, const Judgement& judgement, TimePoint now);
  [[nodiscard]] std::string pause_of_unlocked(std::string_view group) const;

  const Common& common_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Picture> picture_ = std::make_shared<Picture>();
  std::shared_ptr<const Observation> observation_ = std::make_shared<Observation>();
  Series series_;
  std::map<std::pair<std::string, std::string>, Track, std::less<>> tracks_;  // by topic, group
  std::map<std::string, TopicTrack, std::less<>> topic_tracks_;
  std::size_t history_partitions_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> open_letters_;
  std::vector<PauseState> paused_;
  struct Met {
    std::string message;
    SteadyTime at{};
  };
  std::map<std::string, Met, std::less<>> met_;  // damage, by topic
  std::uint64_t number_ = 0;
};

/// As the contract of the page has it; without a window without its series.
[[nodiscard]] std::string overview_json(const Picture& picture, const Collector& collector,
                                        std::optional<std::size_t> window, TimePoint now);

}  // namespace tidings::cli
