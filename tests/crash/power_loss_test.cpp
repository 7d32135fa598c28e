// The power goes at every step of a log's work, and what the disk may then have is tried: of small cases every subset
// of what was not synced, of others so many at random.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "power.hpp"
#include "scenarios.hpp"
#include "torture.hpp"

namespace tidings::crash {
namespace {

struct Moment {
  Power::Moment power;
  Told told;
};

constexpr std::uint64_t every_picture_max = 512;
constexpr std::uint64_t everyday = 8'000;

/// Longer than those that are killed, so that more is unsynced at once.
std::vector<Scenario> power_scenarios() {
  using Op = Scenario::Op;
  auto all = scenarios();
  for (const bool durable : {true, false}) {
    std::vector<Op> ops;
    for (std::size_t i = 0; i < 24; ++i) {
      ops.push_back({Op::append, std::vector<std::size_t>(1 + i % 3, 100 + i * 173 % 1'500)});
      if (i % 5 == 4) ops.push_back({Op::sync});
      if (i == 17) ops.push_back({Op::reopen});
      if (i == 13 || i == 20) ops.push_back({Op::remove_old});
    }
    all.push_back({durable ? "DurableMixed" : "MemoryMixed", durable, 8192, {{Op::append, {100}}}, ops});
  }
  // Retention leaves the one segment of which nothing is synced but its name.
  const Op large{Op::append, {1'500}}, remove{Op::remove_old};
  auto& behind = all.emplace_back("MemoryRetentionBehind", false, 4096, std::vector<Op>{large, large},
                                  std::vector<Op>{large, large, large, remove, large, large, remove, large});
  behind.behind = true;
  return all;
}

class PowerLoss : public testing::TestWithParam<Scenario> {};

/// All moments of the scenario, with the syncs that are forgotten.
std::vector<Moment> moments(const Scenario& scenario, const std::function<bool(const std::string&)>& forgets) {
  Machine machine(scenario);
  auto told = machine.prepare();
  std::vector<Moment> all;
  Power power(machine.disk);
  power.forgets = forgets;
  const auto add = [&] {
    power.look();
    told.synced =
        std::max<std::uint64_t>(told.synced, machine.said_to_be_synced());  // nobody acts on what the power can take
    all.push_back({power.now(), told});
  };
  power.on_step = add;
  machine.on_told = add;
  add();
  machine.run(told).or_throw();
  return all;
}

struct Counts {
  std::uint64_t pictures = 0, torn = 0;
};
/// Tries pictures, about so many, until one is wrong: then what, and when.
std::string try_pictures(const Scenario& scenario, const std::vector<Moment>& moments, std::uint64_t rounds,
                         SeededEntropy& entropy, Counts& counts) {
  Machine machine(scenario);
  const auto wrong = [&](const MemoryDisk::Image& image, const Moment& moment, const std::string& which) {
    machine.disk.load(image);
    auto told = moment.told;
    const bool closely = ++counts.pictures % 16 == 0;
    auto what = machine.check(told, {.rebooted = true, .twice = closely, .verify = closely});
    if (what.empty()) return what;
    return "the power went at step " + std::to_string(&moment - moments.data()) + " of " +
           std::to_string(moments.size()) + ", " + which + ": " + what;
  };
  for (const auto& moment : moments) {
    const Pictures pictures(moment.power);
    for (std::uint64_t n = 0; n < pictures.count() && n < every_picture_max && pictures.count() <= every_picture_max;
         ++n)
      if (auto what = wrong(pictures.whole(n), moment, "picture " + std::to_string(n)); !what.empty()) return what;
  }
  for (; counts.torn < rounds; ++counts.torn) {
    const auto& moment = moments[entropy.below(moments.size())];
    if (auto what = wrong(Pictures(moment.power).torn(entropy), moment, "torn " + std::to_string(counts.torn));
        !what.empty())
      return what;
  }
  return "";
}

TEST_P(PowerLoss, LeavesWhatWasSynced) {
  const auto torture = Torture::from_environment(everyday);
  torture.print("pictures at random, over all scenarios");
  SeededEntropy entropy(torture.seed);
  const auto all = moments(GetParam(), {});
  Counts counts;
  EXPECT_EQ(try_pictures(GetParam(), all, torture.rounds / 16, entropy, counts), "");
  std::printf("%zu moments, %llu pictures, %llu of them at random\n", all.size(),
              static_cast<unsigned long long>(counts.pictures), static_cast<unsigned long long>(counts.torn));
}

/// The power goes, and goes again while the log recovers, or goes on. What recovery took out is kept aside, then, too.
std::string lose_power_twice(const Scenario& scenario, const std::function<bool(const std::string&)>& forgets,
                             std::uint64_t rounds, SeededEntropy& entropy, std::uint64_t& pictures) {
  const auto all = moments(scenario, forgets);
  Machine second(scenario), third(scenario);
  third.clock.advance(std::chrono::seconds{1});
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const auto n = entropy.below(all.size());
    second.disk.load(Pictures(all[n].power).torn(entropy));
    auto told = all[n].told;
    std::vector<Moment> of_second;
    std::string what;
    {
      Power power(second.disk);
      power.forgets = forgets;
      power.on_step = [&] { of_second.push_back({power.now(), told}); };
      what = second.check(told, {.rebooted = true, .twice = false, .verify = false});
      power.look();
      of_second.push_back({power.now(), told});
    }
    const auto when = "the power went at step " + std::to_string(n) + " of " + std::to_string(all.size());
    if (!what.empty()) return when + ": " + what;
    const auto aside = second.quarantined();
    for (int i = 0; i < 8; ++i, ++pictures) {
      const auto m = i == 0 ? of_second.size() - 1 : entropy.below(of_second.size());
      third.disk.load(Pictures(of_second[m].power).torn(entropy));
      auto last_told = of_second[m].told;
      what = third.check(last_told, {.rebooted = true, .twice = false, .verify = false});
      const auto there = third.quarantined();
      // In a topic that is not durable a segment may be lost whole, of which nothing is left to be kept.
      if (what.empty() && scenario.durable && std::ranges::find(aside, "") != aside.end())
        what = "a torn tail was not kept aside";
      for (const auto& bytes : aside)
        if (what.empty() && std::ranges::none_of(there, [&](const auto& one) { return one.find(bytes) != one.npos; }))
          what = "a torn tail is neither there nor in quarantine";
      if (!what.empty())
        return when + ", and then at step " + std::to_string(m) + " of " + std::to_string(of_second.size()) + ": " +
               what;
    }
  }
  return "";
}

TEST_P(PowerLoss, InRecoveryLosesNothingEither) {
  const auto torture = Torture::from_environment(everyday);
  torture.print("pictures of a second power cut, over all scenarios");
  SeededEntropy entropy(torture.seed);
  std::uint64_t pictures = 0;
  EXPECT_EQ(lose_power_twice(GetParam(), {}, torture.rounds / 128, entropy, pictures), "");
}

/// A sync that is left out is found: what the pictures show, the sync is for.
struct Forgotten {
  const char* name;
  bool (*is)(const std::string& path);
};
bool is_segment(const std::string& path) {
  return path.ends_with(".log");
}
const std::vector<Forgotten> forgotten{
    {"OfSegments", [](const std::string& path) { return is_segment(path) && path.find('~') == path.npos; }},
    {"OfDrafts", [](const std::string& path) { return is_segment(path) && path.find('~') != path.npos; }},
    {"OfThePartitionsNames", [](const std::string& path) { return path == "/log/t/0/"; }},
    {"OfTheTopicsNames", [](const std::string& path) { return path == "/log/t/"; }},
    {"OfTheLogsNames", [](const std::string& path) { return path == "/log/"; }},
    {"OfTopicMeta", [](const std::string& path) { return path.ends_with("/topic.meta"); }},
    {"OfTheTopicsDraft", [](const std::string& path) { return path.starts_with("/log/~"); }},
    {"OfQuarantine", [](const std::string& path) { return path.ends_with(".torn"); }},
    {"OfQuarantinesNames", [](const std::string& path) { return path == "/log/t/0/quarantine/"; }},
    {"OfControl", [](const std::string& path) { return path == "/log/t/0/control"; }},
};

class Forgets : public PowerLoss {};

TEST_F(Forgets, ASyncAndIsFound) {
  for (const auto& one : forgotten) {
    SeededEntropy entropy(1);
    std::string found;
    for (const auto& scenario : power_scenarios()) {
      Counts counts;
      found = try_pictures(scenario, moments(scenario, one.is), 300, entropy, counts);
      if (found.empty()) found = lose_power_twice(scenario, one.is, 100, entropy, counts.pictures);
      if (!found.empty()) found = scenario.name + ": " + found;
      if (!found.empty()) break;
    }
    EXPECT_NE(found, "") << "without the sync " << one.name << " nothing is lost";
    std::printf("%s: %s\n", one.name, found.c_str());
  }
}

INSTANTIATE_TEST_SUITE_P(Log, PowerLoss, testing::ValuesIn(power_scenarios()),
                         [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace tidings::crash
