// Pausing from outside, over real servers.
#include "tidings/service/pausing.hpp"

#include "tests/clusters/clusters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

class PausingOverClusters : public ClusterTest {};
INSTANTIATE_TEST_SUITE_P(Brokers, PausingOverClusters, both_clusters(), broker_of);

TEST_P(PausingOverClusters, AHandlerObeysAndOneThatStartsLaterBeginsPaused) {
  Record<std::int64_t> seen;
  const auto make_counting = [&] { make().on("count", {}, [&](const Tick& tick) { seen.add(tick.number); }); };
  make_counting();
  {
    const auto running = start();
    publish(Tick{1});
    ASSERT_TRUE(seen.wait(1)) << lines_.all();
    auto asked = Pausing::ask(*broker_, "test", true, {}).or_throw();
    std::vector<PauseAnswer> answers;
    ASSERT_TRUE(eventually([&] {
      for (auto& one : asked.answers().or_throw()) answers.push_back(std::move(one));
      return !answers.empty();
    })) << lines_.all();
    EXPECT_EQ(answers[0].partitions, std::vector<std::string>{"ticks/0"});
    EXPECT_TRUE(asked.silence().or_throw().partitions.empty());
  }
  service_.reset();
  make_counting();
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("count starts paused") == 1; })) << lines_.all();
  publish(Tick{2});
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(seen.size(), 1U);
  (void)Pausing::ask(*broker_, "test/count", false, {}).or_throw();
  EXPECT_TRUE(seen.wait(2)) << lines_.all();
}

}  // namespace
}  // namespace tidings::service
