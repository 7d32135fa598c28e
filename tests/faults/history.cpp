#include "history.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <optional>
#include <set>

namespace tidings::faults {

namespace {

using What = Step::What;

Error no_step(std::string_view text) {
  return {"invalid_event", "'" + std::string(text) + "' is nothing of a run's"};
}

/// What is known of an event.
struct Fate {
  bool may_be_there = false;   // some try ended so that nobody knows, or was acknowledged
  bool was_refused = false;    // some try certainly wrote nothing
  std::optional<Spot> spot{};  // as acknowledged last
  bool is_handled = false;
  std::uint64_t stored = 0;
};

/// What a member has in its hands.
struct Hands {
  std::vector<std::pair<Spot, Event>> held;
  std::set<std::uint32_t> partitions;
  std::vector<Spot> done;   // last, and not said to be settled
  bool is_excused = false;  // it was hung while it had these, or while it asked for them
  bool next_excused = false;
};

class Judge {
 public:
  Verdict run(std::span<const Step> steps) {
    for (const auto& step : steps) take(step);
    for (const auto& [event, fate] : fates_) look(event, fate);
    for (const auto& [spot, event] : stored_) look_at_place(spot, event);
    return std::move(verdict_);
  }

 private:
  void take(const Step& step) {
    auto& hands = hands_[step.member];
    switch (step.what) {
      case What::acknowledged: {
        auto& fate = fates_[step.event];
        if (!fate.spot) ++verdict_.acknowledged;
        fate.may_be_there = true;
        fate.spot = step.spot;
        is_at(step);
        break;
      }
      case What::unknown:
        ++verdict_.unknown;
        fates_[step.event].may_be_there = true;
        break;
      case What::refused:
        ++verdict_.refused;
        fates_[step.event].was_refused = true;
        break;
      case What::handed:
        hand(step, hands);
        break;
      case What::done:
        hands.done.clear();
        for (const auto& [spot, event] : hands.held) {
          hands.done.push_back(spot);
          fates_[event].is_handled = true;
          handled_.insert(spot);
        }
        let_go(hands);
        break;
      case What::settled:
        settled_.insert(hands.done.begin(), hands.done.end());
        break;
      case What::killed:
        let_go(hands);
        hands.next_excused = false;
        break;
      case What::hung:
        hands.is_excused = true;
        hands.next_excused = true;
        break;
      case What::stored:
        ++verdict_.stored;
        ++fates_[step.event].stored;
        stored_[step.spot] = step.event;
        is_at(step);
        break;
    }
  }

  static void let_go(Hands& hands) {
    hands.held.clear();
    hands.partitions.clear();
    hands.is_excused = false;
  }

  void hand(const Step& step, Hands& hands) {
    ++verdict_.handed;
    if (hands.held.empty()) hands.is_excused = std::exchange(hands.next_excused, false);
    hands.held.emplace_back(step.spot, step.event);
    if (hands.partitions.insert(step.spot.partition).second)
      for (const auto& [who, others] : hands_) {
        if (who == step.member || !others.partitions.contains(step.spot.partition)) continue;
        if (hands.is_excused || others.is_excused)
          ++verdict_.overlaps;
        else
          say("two owners", "member " + std::to_string(step.member) + " got " + at(step.spot) + " while member " +
                                std::to_string(who) + " had something of that partition");
      }
    if (!handed_.insert(step.spot).second) ++verdict_.handed_again;
    if (settled_.contains(step.spot)) {
      // One that hung while it asked had the answer before that, and says so after it.
      if (hands.is_excused)
        ++verdict_.overlaps;
      else
        say("settled, and came again",
            "event " + id_of(step.event) + " of " + at(step.spot) + ", to member " + std::to_string(step.member));
    }
    is_at(step);
    auto& last = last_handed_[step.event.key];
    if (was_handed_.insert(step.event).second) {
      if (step.event.number < last)
        say("handed out of order", "event " + id_of(step.event) + " of " + at(step.spot) + " came after number " +
                                       std::to_string(last) + " of its key");
      last = std::max(last, step.event.number);
    }
  }

  /// Each place has one event, whoever tells of it.
  void is_at(const Step& step) {
    const auto [known, is_new] = places_.try_emplace(step.spot, step.event);
    if (known->second != step.event)
      say("two events at a place", at(step.spot) + " has both " + id_of(known->second) + " and " + id_of(step.event));
  }

  void look(const Event& event, const Fate& fate) {
    if (fate.spot) {
      const auto there = stored_.find(*fate.spot);
      if (there == stored_.end() || there->second != event)
        say("lost", "event " + id_of(event) + " was acknowledged at " + at(*fate.spot) + ", and is not there");
      if (!fate.is_handled) say("never handled", "event " + id_of(event) + " was acknowledged, and nobody handled it");
    }
    if (fate.stored > 1) verdict_.stored_again += fate.stored - 1;
    if (fate.stored > 0 && !fate.may_be_there)
      say("there all the same",
          "event " + id_of(event) + (fate.was_refused ? " was refused, and is there" : " was never published"));
  }

  /// In the order of places.
  void look_at_place(const Spot& spot, const Event& event) {
    if (!handled_.contains(spot))
      say("passed over", at(spot) + " has event " + id_of(event) + ", which nobody handled");
    auto& last = last_stored_[event.key];
    if (!was_stored_.insert(event).second) return;
    if (event.number < last)
      say("stored out of order", "event " + id_of(event) + " stands at " + at(spot) + ", behind number " +
                                     std::to_string(last) + " of its key");
    last = std::max(last, event.number);
  }

  void say(const std::string& kind, const std::string& what) {
    constexpr int told_max = 5;
    if (const int before = told_[kind]++; before < told_max) verdict_.wrong.push_back(kind + ": " + what);
  }
  static std::string at(const Spot& spot) {
    return "partition " + std::to_string(spot.partition) + " offset " + std::to_string(spot.offset);
  }

  Verdict verdict_;
  std::map<std::string, int> told_;
  std::map<Event, Fate> fates_;
  std::map<Spot, Event> places_;
  std::map<Spot, Event> stored_;
  std::set<Spot> handed_;
  std::set<Spot> handled_;
  std::set<Spot> settled_;
  std::set<Event> was_handed_;
  std::set<Event> was_stored_;
  std::map<std::uint32_t, std::uint64_t> last_handed_;  // by key
  std::map<std::uint32_t, std::uint64_t> last_stored_;  // by key; a key is in one partition
  std::map<std::uint32_t, Hands> hands_;
};

/// Takes a number off the front, and the sign behind it.
template <class Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(end - text.data()) + 1));
  return true;
}

}  // namespace

std::string id_of(const Event& event) {
  return std::to_string(event.key) + "-" + std::to_string(event.number);
}

Result<Event> event_of(std::string_view id) {
  Event event;
  auto rest = id;
  if (!take_number(rest, event.key) || !take_number(rest, event.number) || !rest.empty()) return no_step(id);
  return event;
}

std::string to_line(const Step& step) {
  return std::string(1, static_cast<char>(step.what)) + " " + std::to_string(step.member) + " " +
         std::to_string(step.event.key) + " " + std::to_string(step.event.number) + " " +
         std::to_string(step.spot.partition) + " " + std::to_string(step.spot.offset) + "\n";
}

Result<Step> step_of(std::string_view line) {
  constexpr std::string_view known = "aurhdtksf";
  if (line.size() < 2 || known.find(line[0]) == known.npos) return no_step(line);
  Step step{.what = static_cast<What>(line[0])};
  auto rest = line.substr(2);
  if (!take_number(rest, step.member) || !take_number(rest, step.event.key) || !take_number(rest, step.event.number) ||
      !take_number(rest, step.spot.partition) || !take_number(rest, step.spot.offset) || !rest.empty())
    return no_step(line);
  return step;
}

Result<std::vector<Step>> read_steps(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{"io_error", "cannot read " + path};
  std::vector<Step> steps;
  for (std::string line; std::getline(file, line);) {
    auto step = step_of(line);
    if (!step) return step.error();
    steps.push_back(*step);
  }
  return steps;
}

std::string Verdict::figures() const {
  return std::to_string(acknowledged) + " events acknowledged, " + std::to_string(unknown) + " tries unknown, " +
         std::to_string(refused) + " refused; " + std::to_string(stored) + " stored, " + std::to_string(stored_again) +
         " of them twice; " + std::to_string(handed) + " deliveries, " + std::to_string(handed_again) +
         " of them again; " + std::to_string(overlaps) + " beside a member that hung";
}

Verdict judge(std::span<const Step> steps) {
  return Judge().run(steps);
}

}  // namespace tidings::faults
