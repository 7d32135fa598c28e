#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tidings/base/atomic_file.hpp"
#include "tidings/event/context.hpp"
#include "tidings/event/json_codec.hpp"

// How a service of the shop is idempotent by its own means: it keeps its state in one file, replaced atomically
// together with the positions that it covers. An event before its partition's position is in the state already.
namespace shop {

/// How far a state has come in a partition.
struct Covered {
  std::uint64_t before = 0;  ///< all events before this offset are in the state
  std::string last_id;       ///< of the last of them: it names the log that the offset counts in (resume.hpp)
};
/// By place: `{"orders/0": {"before": 42, "last_id": "0193…"}}`.
using Positions = std::map<std::string, Covered>;

inline std::string place_name(const tidings::Context& context) {
  return std::string(context.place().topic) + "/" + std::to_string(context.place().partition.value);
}
inline bool covers(const Positions& positions, const tidings::Context& context) {
  const auto known = positions.find(place_name(context));
  return !context.place().redriven && known != positions.end() && context.place().offset.value < known->second.before;
}
inline void cover(Positions& positions, const tidings::Context& context) {
  if (!context.place().redriven)
    positions[place_name(context)] = {context.place().offset.value + 1, std::string(context.envelope().id)};
}

/// What was done for the last events, by name, so that it is not done again for one that comes a second time, under
/// another offset.
///
/// It may forget: over brokers that do not know producers, the relay of a service that was killed publishes again what
/// it had on its way, 1,024 events at most.
class Recent {
 public:
  static constexpr std::size_t size_max = 12'000;
  struct Entry {
    std::string name;
    std::string outcome;
  };

  Recent() = default;
  explicit Recent(std::vector<Entry> entries) : entries_(std::move(entries)) {
    for (std::size_t i = 0; i < entries_.size(); ++i) index_[entries_[i].name] = i;
  }

  [[nodiscard]] const std::string* find(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &entries_[found->second].outcome;
  }
  /// The outcome, as it is kept until the next call.
  const std::string& add(std::string name, std::string outcome) {
    if (entries_.size() < size_max) {
      index_[name] = entries_.size();
      return entries_.emplace_back(std::move(name), std::move(outcome)).outcome;
    }
    auto& oldest = entries_[next_++ % size_max];
    index_.erase(oldest.name);
    index_[name] = static_cast<std::size_t>(&oldest - entries_.data());
    oldest = {std::move(name), std::move(outcome)};
    return oldest.outcome;
  }
  /// Oldest first.
  [[nodiscard]] std::vector<Entry> entries() const {
    auto ordered = entries_;
    if (ordered.size() == size_max)
      std::rotate(ordered.begin(), ordered.begin() + static_cast<std::ptrdiff_t>(next_ % size_max), ordered.end());
    return ordered;
  }

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
  std::size_t next_ = 0;  // the oldest, once all places are taken
};

/// Reads a state from its file; a missing file is a fresh state, a damaged one an error.
template <class State>
tidings::Result<State> load_state(const std::string& path) {
  auto text = tidings::read_file(path);
  if (!text && text.error().code == "not_found") return State{};
  if (!text) return text.error();
  auto state = tidings::JsonCodec::decode<State>(*text);
  if (!state)
    return tidings::Error{state.error().code,
                          path + ": " + state.error().message +
                              "; put back a copy, or move the file away to begin at the earliest event"};
  return state;
}

template <class State>
tidings::Result<> save_state(const std::string& path, const State& state) {
  std::string text;
  if (auto encoded = tidings::JsonCodec::encode(state, text); !encoded) return encoded;
  return tidings::write_file_atomically(path, text);
}

/// `tidings demo --check` reads it, too.
struct AnalyticsState {
  Positions positions;
  std::map<std::string, std::map<std::string, std::int64_t>> revenue_minor;  ///< by country, by day
  std::map<std::string, std::int64_t> sold;                                  ///< by product, returns taken off
  std::uint64_t orders = 0;
  std::uint64_t returns = 0;
  std::vector<Recent::Entry> recent;
};

}  // namespace shop
