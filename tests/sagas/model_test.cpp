// Every interleaving of answers, time-outs, cancellations and resumptions for sagas of three steps, and random longer
// ones. TORTURE_ROUNDS schedules from TORTURE_SEED.
#include "tests/sagas/model.hpp"

#include <gtest/gtest.h>

#include <random>
#include <unordered_set>

#include "tests/crash/torture.hpp"

namespace tidings::saga::model {
namespace {

/// From every world that can come about; each is looked at once.
class Explorer {
 public:
  /// What is wrong, with how it came to it; or nothing.
  std::string explore(const World& world) {
    if (!seen_.insert(std::hash<std::string>{}(world.key())).second) return {};
    const auto actions = world.actions();
    bool is_end = true;
    for (const auto& action : actions) {
      // A person need not come: without one it is an end too.
      if (action.what != Action::What::cancel && action.what != Action::What::resume) is_end = false;
      auto next = world;
      ++transitions_;
      auto wrong = next.act(action);
      if (wrong.empty()) wrong = next.check();
      if (wrong.empty()) wrong = explore(next);
      if (!wrong.empty()) return action.text() + "\n" + wrong;
    }
    if (!is_end) return {};
    ++ends_[world.instance().status];
    return world.check_end();
  }

  std::size_t transitions() const { return transitions_; }
  std::size_t worlds() const { return seen_.size(); }
  std::map<Status, std::size_t> ends() const { return ends_; }

 private:
  std::unordered_set<std::size_t> seen_;
  std::size_t transitions_ = 0;
  std::map<Status, std::size_t> ends_;
};

TEST(SagaModel, EveryInterleaving) {
  for (const auto& [name, definition] : definitions()) {
    ASSERT_TRUE(definition.check()) << to_string(definition.check().error());
    Explorer explorer;
    const auto wrong = explorer.explore(World(definition, {.cancels = 1, .resumes = 1}));
    EXPECT_EQ(wrong, "") << name;
    std::printf("%s: %zu worlds, %zu transitions; ends:", name.c_str(), explorer.worlds(), explorer.transitions());
    for (const auto& [status, count] : explorer.ends())
      std::printf(" %zu %s", count, std::string(name_of(status)).c_str());
    std::printf("\n");
    for (const auto status : {Status::completed, Status::failed, Status::stuck})
      EXPECT_GT(explorer.ends()[status], 0U) << name << " never comes to " << name_of(status);
  }
}

TEST(SagaModel, RandomSchedules) {
  const auto torture = crash::Torture::from_environment(2'000);
  torture.print("schedules of sagas");
  const auto all = definitions();
  for (std::uint64_t round = 0; round < torture.rounds; ++round) {
    std::mt19937_64 random(torture.seed * 1'000'003 + round);
    const auto& [name, definition] = *std::next(all.begin(), static_cast<std::ptrdiff_t>(random() % all.size()));
    World world(definition, {.cancels = static_cast<int>(random() % 2), .resumes = static_cast<int>(random() % 6)});
    std::string trace;
    const auto fine = [&](const std::string& wrong) {
      EXPECT_EQ(wrong, "") << name << ", seed " << torture.seed << ", round " << round << "\n" << trace;
      return wrong.empty();
    };
    for (int turn = 0;; ++turn) {
      ASSERT_LT(turn, 1'000) << "it has no end";
      const auto actions = world.actions();
      if (actions.empty()) break;
      const auto& action = actions[random() % actions.size()];
      trace += action.text() + "\n";
      if (!fine(world.act(action)) || !fine(world.check())) return;
    }
    if (!fine(world.check_end())) return;
  }
}

}  // namespace
}  // namespace tidings::saga::model
