// Members of one group in processes of their own, that join, leave, are killed and stand still while events flow.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include "testing/servers/server_process.hpp"
#include "trial.hpp"

namespace tidings::faults {
namespace {

using namespace std::chrono_literals;
using tidings::testing::ServerProcess;
using tidings::testing::TemporaryFolder;

/// The processes, and the file that they write into.
class Members {
 public:
  explicit Members(std::string topic)
      : topic_(std::move(topic)), folder_(TemporaryFolder::make("faults").or_throw()), path_(folder_.path() + "/seen") {
    folder_.write("seen", "").or_throw();
  }
  ~Members() {
    for (auto& [number, process] : running_) process->resume();
  }
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  void start(std::uint64_t seed) {
    const auto number = made_++;
    tidings::testing::ServerSpec spec;
    spec.name = "member";
    spec.program = "/proc/self/exe";
    spec.arguments = {"member", rig().url(), topic_, std::to_string(number), path_, std::to_string(seed)};
    spec.ports = 0;
    spec.ready_when_port_accepts = false;
    spec.ready_line = "ready";  // it can be told to end
    running_[number] = ServerProcess::start(std::move(spec)).or_throw();
  }
  void end(std::uint32_t number) {
    EXPECT_TRUE(running_.at(number)->end(30s)) << "member " << number << " does not leave";
    const auto said = running_.at(number)->output();
    EXPECT_NE(said.find("never: \n"), said.npos) << said;
    forget(number);
  }
  void kill(std::uint32_t number) {
    running_.at(number)->kill();
    tell(Step::What::killed, number);
    forget(number);
  }
  void stop(std::uint32_t number) {
    running_.at(number)->stop();
    tell(Step::What::hung, number);
  }
  void resume(std::uint32_t number) { running_.at(number)->resume(); }

  [[nodiscard]] std::size_t count() const { return running_.size(); }
  [[nodiscard]] std::vector<std::uint32_t> numbers() const {
    std::vector<std::uint32_t> all;
    for (const auto& [number, process] : running_) all.push_back(number);
    return all;
  }
  [[nodiscard]] std::vector<Step> steps() const { return read_steps(path_).or_throw(); }

 private:
  void forget(std::uint32_t number) { running_.erase(number); }
  void tell(Step::What what, std::uint32_t number) const {
    const auto line = to_line({.what = what, .member = number});
    const int file = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    EXPECT_EQ(::write(file, line.data(), line.size()), static_cast<ssize_t>(line.size()));
    ::close(file);
  }

  const std::string topic_;
  TemporaryFolder folder_;
  const std::string path_;
  std::uint32_t made_ = 0;
  std::map<std::uint32_t, std::unique_ptr<ServerProcess>> running_;
};

/// The group's position never goes back, whoever settles what.
class Positions {
 public:
  void look(Broker& broker, const std::string& topic) {
    const auto groups = broker.groups(topic);
    if (!groups) return;
    for (const auto& group : *groups)
      for (const auto& place : group.partitions) {
        auto& last = last_[place.partition.value];
        EXPECT_GE(place.position.value, last) << "partition " << place.partition.value << " was taken back";
        last = std::max(last, place.position.value);
      }
  }

 private:
  std::map<std::uint32_t, std::uint64_t> last_;
};

class Rebalance : public ::testing::Test {
 protected:
  enum class Change { join, leave, kill, hang, kill_server };

  void SetUp() override {
    TIDINGS_NEEDS_SERVER(server_is_there());
    torture = crash::Torture::from_environment(static_cast<std::uint64_t>(traits().kills_everyday));
    torture.print("of the group's members");
    chance.seed(torture.seed);
  }

  /// So many changes of these kinds, each as often as the others, in any order.
  void run(std::uint64_t rounds, const std::vector<Change>& kinds) {
    Trial trial({.seed = chance(), .members = 0});
    Members members(trial.topic());
    Positions positions;
    members.start(chance());
    std::vector<Change> left{kinds.back(), Change::join};  // so that the shortest run has both
    for (std::uint64_t round = 0; round < rounds; ++round) {
      for (const auto until = now() + up_to(1200ms, chance); now() < until; std::this_thread::sleep_for(20ms))
        positions.look(trial.broker(), trial.topic());
      if (hung && now() > hung->second) {
        members.resume(hung->first);
        hung.reset();
      }
      if (left.empty()) {
        left = kinds;
        std::shuffle(left.begin(), left.end(), chance);
      }
      change(members, left.back());
      left.pop_back();
      if (HasFatalFailure()) return;
    }
    if (hung) {
      if (const auto rest = hung->second - now(); rest > Duration{}) std::this_thread::sleep_for(rest);
      members.resume(hung->first);
    }
    std::string what;
    for (const auto& [kind, count] : done) what += ", " + std::to_string(count) + " " + kind;
    trial.conclude(traits().name + what, [&] {
      for (const auto number : members.numbers()) members.end(number);
      return members.steps();
    });
    positions.look(trial.broker(), trial.topic());
  }

  crash::Torture torture{};
  std::mt19937_64 chance;

 private:
  void change(Members& members, Change kind) {
    constexpr std::uint64_t members_max = 8;
    const auto all = members.numbers();
    const auto chosen = all[chance() % all.size()];
    const bool is_hung = hung && hung->first == chosen;
    if (kind == Change::kill_server) {
      rig().server().kill();
      std::this_thread::sleep_for(up_to(500ms, chance));
      const auto again = rig().server().restart();
      ASSERT_TRUE(again) << to_string(again.error());
      ++done["kills of the server"];
    } else if (kind == Change::join || members.count() < 2) {
      for (auto more = 1 + chance() % 3; more > 0 && members.count() < members_max; --more, ++done["joined"])
        members.start(chance());
    } else if (kind == Change::leave && !is_hung) {
      members.end(chosen);
      ++done["left"];
    } else if (kind == Change::kill) {
      if (is_hung) hung.reset();
      members.kill(chosen);
      ++done["killed"];
    } else if (kind == Change::hang && !hung) {
      members.stop(chosen);
      hung = {chosen, now() + traits().lease + up_to(2 * traits().lease, chance)};
      ++done["hung"];
    }
  }

  std::map<std::string, int> done;
  std::optional<std::pair<std::uint32_t, SteadyTime>> hung;  ///< and when it goes on
};

TEST_F(Rebalance, MembersComeGoDieAndHangAndNothingIsLost) {
  run(4 + 2 * torture.rounds, {Change::join, Change::leave, Change::kill, Change::hang});
}

TEST_F(Rebalance, TheServerIsKilledAmidstAllThatAndNothingIsLost) {
  run(1 + torture.rounds, {Change::join, Change::leave, Change::hang, Change::kill_server});
}

}  // namespace
}  // namespace tidings::faults
