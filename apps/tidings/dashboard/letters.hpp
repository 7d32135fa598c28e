#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "dashboard/observation.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::cli {

/// An open dead letter, without its event.
struct OpenLetter {
  std::string topic, key, id, code, reason;
  std::uint32_t partition = 0;
  std::uint64_t offset = 0;
  int attempts = 0;
  TimePoint parked{};
  bool blocks = false;                   ///< later events of its key stand behind it
  std::optional<std::uint64_t> follows;  ///< the offset of the first of its key, where it stands behind that
};

/// What is parked, group by group, as it was read last: a group is read anew when its topic of dead letters has grown.
/// Of a group 20,000 letters are remembered by themselves at most; the counts are whole. Thread-safe.
class LetterBoard {
 public:
  static constexpr std::size_t letters_max = 20'000;
  struct Group {
    std::string group;
    std::uint64_t open = 0, blocked_keys = 0;
    std::vector<OpenLetter> letters;
    bool has_all = true;
    std::uint64_t read_to = 0;  ///< the sum of the topic's ends
  };

  /// Reads groups that have changed until it is `until`. What a reading costs is waited for ten times over before the
  /// next of that group.
  void look(Broker& broker, const Common& common, const Observation& seen, SteadyTime until, Clock& clock);
  [[nodiscard]] std::vector<std::shared_ptr<const Group>> groups() const;
  [[nodiscard]] std::shared_ptr<const Group> group(std::string_view name) const;
  [[nodiscard]] std::map<std::string, std::uint64_t, std::less<>> open_counts() const;

 private:
  struct Entry {
    std::shared_ptr<const Group> group;
    SteadyTime again{};
  };
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> groups_;
};

/// Reads what is parked of a group now. Errors: the broker's; `unknown_topic` where nothing ever was.
[[nodiscard]] Result<LetterBoard::Group> read_letters(Broker& broker, const Common& common, const std::string& group);

/// `{"groups":[…]}`, by reason.
[[nodiscard]] std::string letters_json(const LetterBoard& board);

}  // namespace tidings::cli
