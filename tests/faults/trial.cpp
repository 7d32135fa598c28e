#include "trial.hpp"

#include <cstdio>

namespace tidings::faults {

Rig& rig() {
  static const std::unique_ptr<Rig> started = Rig::start();
  return *started;
}

Trial::Trial(LoadOptions options, Durability durability, bool through_proxy) : options_(std::move(options)) {
  static int number = 0;
  options_.topic = "faults-" + std::to_string(number++);
  broker_ = rig().opens()().or_throw();
  // Where a server has just been started it may not take topics yet.
  const TopicOptions topic{.partitions = 4, .durability = durability, .retention = {}};
  auto made = broker_->create_topic(options_.topic, topic);
  for (const auto until = now() + traits().patience; !made && made.error().retry == Retry::same_call && now() < until;)
    made = broker_->create_topic(options_.topic, topic);
  std::move(made).or_throw();
  load_ = std::make_unique<Load>(options_, rig().opens(through_proxy), rig().opens(through_proxy), history_);
}

void Trial::expect_flow(const std::string& after) {
  ASSERT_TRUE(load_->flows(traits().patience)) << "nothing flows " << after << "; " << load_->troubles().text();
}

void Trial::conclude(const std::string& name, const std::function<std::vector<Step>()>& more) {
  EXPECT_TRUE(load_->finish_publishing(traits().patience))
      << "something that may be there was not acknowledged; " << load_->troubles().text();
  EXPECT_TRUE(load_->finish([&] { return is_drained(*broker_, options_.topic); }, traits().patience))
      << "the group does not come to its end; " << load_->troubles().text();
  if (more) history_.add(more());
  const auto read = read_back(*broker_, options_.topic, history_, traits().patience);
  EXPECT_TRUE(read) << to_string(read.error());
  const auto verdict = judge(history_.steps());
  std::printf("%s: %s; troubles: %s\n", name.c_str(), verdict.figures().c_str(), load_->troubles().text().c_str());
  std::fflush(stdout);
  for (const auto& wrong : verdict.wrong) ADD_FAILURE() << wrong;
  EXPECT_GT(verdict.acknowledged, 0U);
  if (traits().stores_once) {
    EXPECT_EQ(verdict.stored_again, 0U) << "what was published again is there twice";
  }
  EXPECT_EQ(load_->troubles().never(), "") << "a server that is away is no reason to give up";
}

}  // namespace tidings::faults
