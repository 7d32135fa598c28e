#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "saga/machine.hpp"
#include "tidings/saga/definition.hpp"

/// A model of the world around a saga: messages that come in any order, late, twice or never; time-outs at any moment;
/// participants that do a command once, refuse it, or say nothing, and keep tombstones; people who cancel and resume.
/// The saga in it is the real machine.
namespace tidings::saga::model {

inline constexpr std::size_t step_count = 3;

/// What can be tried: A and B at once, then the pivot, then C, and so on.
[[nodiscard]] std::map<std::string, Definition> definitions();

enum class Answer { done, failed, undone, undo_failed };

/// What a participant does with a command that is new to it.
enum class Way { obey, refuse, obey_in_silence, ignore };

struct Message {
  std::string command;  ///< the id of what it answers
  std::size_t step = 0;
  Answer answer = Answer::done;
  friend auto operator<=>(const Message&, const Message&) = default;
};

struct Action {
  enum class What { start, command, answer, timer, cancel, resume } what = What::start;
  std::string command;
  Way way = Way::obey;
  Message message;
  Timer timer;
  [[nodiscard]] std::string text() const;
};

class World {
 public:
  struct Limits {
    int cancels = 1;
    int resumes = 1;
  };
  World(const Definition& definition, Limits limits) : plan_(&definition.plan()), left_(limits) {}

  /// Whatever may happen next.
  [[nodiscard]] std::vector<Action> actions() const;
  /// What is wrong then, or nothing.
  [[nodiscard]] std::string act(const Action& action);
  /// All that must hold now, whatever comes: what came before changes nothing if it comes again, nor does a stale
  /// timer.
  [[nodiscard]] std::string check() const;
  /// What must hold where nothing can happen any more.
  [[nodiscard]] std::string check_end() const;
  /// Two worlds of one key go on alike.
  [[nodiscard]] std::string key() const;
  [[nodiscard]] const Instance& instance() const { return instance_; }

  [[nodiscard]] bool has_begun() const { return instance_.revision > 0; }

 private:
  struct Participant {
    std::set<std::string> handled;
    bool is_undone = false;
    int effects = 0;
    friend bool operator==(const Participant&, const Participant&) = default;
  };

  std::string take(const std::function<Result<Transition>()>& make);
  std::string publish(const std::string& id, const Instance& before);
  std::string come(const std::string& command, Way way);

  const Plan* plan_;
  Limits left_;
  Instance instance_;
  std::vector<Timer> timers_;
  std::set<std::string> commands_;
  std::set<Message> answers_;
  std::set<Message> delivered_;
  std::set<std::size_t> taken_done_, taken_failed_;
  std::set<std::string> refused_;  // commands whose refusal was taken
  std::set<std::string> sent_;
  std::array<Participant, step_count> participants_{};
  int ends_ = 0;
};

}  // namespace tidings::saga::model
