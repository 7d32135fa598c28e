#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "dashboard/collector.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// Who publishes what: learnt from the `source` of events, of the last 200 of each topic at first, then of some of what
/// comes. Bounded: 100 sources a topic, 50 types a source, 10,000 topics' windows. Thread-safe.
class Sources {
 public:
  static constexpr std::size_t window = 200;
  static constexpr std::size_t of_new = 50;

  void learn(std::string_view topic, std::string_view source, std::string_view type);
  /// Reads what it has not seen yet of the topics, some of it; `until` bounds it: what is left is for the next call,
  /// which begins there.
  /// `on_damage` hears of topics that cannot be read whole.
  void look(Broker& broker, const Common& common, const Observation& seen, SteadyTime until, Clock& clock,
            const std::function<void(const std::string& topic, const Error&)>& on_damage = {});

  struct Published {
    std::string topic, source;
    std::vector<std::string> types;
    double share = 0;  ///< of what is published there lately
  };
  [[nodiscard]] std::vector<Published> published() const;
  [[nodiscard]] bool is_sampled() const;

 private:
  struct Topic {
    std::map<std::string, std::set<std::string, std::less<>>, std::less<>> types;  // by source
    std::deque<std::string> lately;                                                // sources
    std::map<std::uint32_t, std::uint64_t> read_to;
    bool is_sampled = false;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Topic, std::less<>> topics_;
  std::string next_;
};

[[nodiscard]] std::string flow_json(const Picture& picture, const Sources& sources);

}  // namespace tidings::cli
