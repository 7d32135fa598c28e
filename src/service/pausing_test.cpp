// Pausing from outside: requests in `tidings.control`, and the answers to them.
#include "tidings/service/pausing.hpp"

#include <filesystem>

#include "service/control_topic.hpp"
#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

class PausingTest : public ServiceTest {
 protected:
  Service& make_counting(const ServiceOptions& options = {}) {
    auto& service = make(options);
    service.on("count", {}, [&](const Tick& tick) { seen_.add(tick.number); });
    service.on("pay", {}, [&](const Order& order) { paid_.add(order.number); });
    return service;
  }
  /// The answers to a request, as many as it is to have.
  std::vector<PauseAnswer> ask(const std::string& target, bool paused, std::size_t answers,
                               const std::string& name_space = {}) {
    auto asked = Pausing::ask(*broker_, target, paused, name_space).or_throw();
    std::vector<PauseAnswer> all;
    (void)eventually([&] {
      for (auto& one : asked.answers().or_throw()) all.push_back(std::move(one));
      return all.size() >= answers;
    });
    EXPECT_EQ(all.size(), answers) << lines_.all();
    if (answers > 0) {
      EXPECT_TRUE(asked.silence().or_throw().partitions.empty());
    }
    return all;
  }
  void expect_nothing_begins() {
    const auto seen = seen_.size();
    publish(Tick{99});
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(seen_.size(), seen);
  }

  Record<std::int64_t> seen_;
  Record<std::int64_t> paid_;
};

TEST_F(PausingTest, AHandlerObeysAndSaysWhatItHolds) {
  auto& service = make_counting();
  const auto running = start();
  publish(Tick{1});
  ASSERT_TRUE(seen_.wait(1));
  const auto answers = ask("test/count", true, 1);
  EXPECT_EQ(answers[0].group, "test.count");
  EXPECT_TRUE(answers[0].paused);
  EXPECT_EQ(answers[0].partitions, std::vector<std::string>{"ticks/0"});
  EXPECT_NE(answers[0].process.find(":" + std::to_string(getpid())), std::string::npos);
  expect_nothing_begins();
  EXPECT_TRUE(service.stats("count").or_throw().paused);
  EXPECT_EQ(lines_.count("count is paused by request"), 1U) << lines_.all();
  publish(Order{"a", 1});
  EXPECT_TRUE(paid_.wait(1)) << "the other goes on";
  EXPECT_FALSE(ask("test.count", false, 1).at(0).paused);
  EXPECT_TRUE(seen_.wait(2)) << "what came meanwhile waited";
}

TEST_F(PausingTest, AServiceIsPausedAsAWholeAndOneOfItsHandlersGoesOn) {
  make_counting();
  const auto running = start();
  EXPECT_EQ(ask("test", true, 2).size(), 2U);
  expect_nothing_begins();
  ask("test/pay", false, 1);
  publish(Order{"a", 1});
  EXPECT_TRUE(paid_.wait(1));
  const auto standing = Pausing::standing(*broker_, {}).or_throw();
  ASSERT_EQ(standing.size(), 2U);
  EXPECT_EQ(standing[0].target, "test");
  EXPECT_TRUE(standing[0].paused);
  EXPECT_EQ(standing[1].target, "test/pay");
  EXPECT_FALSE(standing[1].paused);
  ask("test", false, 2);
  EXPECT_TRUE(seen_.wait(1));
  EXPECT_TRUE(Pausing::standing(*broker_, {}).or_throw().empty());
}

TEST_F(PausingTest, WhoStartsLaterBeginsPaused) {
  auto asked = Pausing::ask(*broker_, "test", true, {}).or_throw();
  publish(Tick{1});
  make_counting();
  {
    const auto running = start();
    ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
    EXPECT_EQ(lines_.count("count starts paused by request " + asked.id()), 1U) << lines_.all();
    expect_nothing_begins();
    ask("test/count", false, 1);
    EXPECT_TRUE(seen_.wait(2));
  }
  lines_.clear();
  make_counting();
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
  EXPECT_EQ(lines_.count("count starts paused"), 0U) << lines_.all();
  EXPECT_EQ(lines_.count("pay starts paused"), 1U);
}

/// As if nobody had asked: a handler of that name that comes later is paused with its service.
TEST_F(PausingTest, WhatIsTakenBackCountsForNothing) {
  (void)Pausing::ask(*broker_, "test", true, {}).or_throw();
  auto narrower = Pausing::ask(*broker_, "test/count", true, {}).or_throw();
  narrower.take_back().or_throw();
  auto wider = Pausing::ask(*broker_, "test", false, {}).or_throw();
  wider.take_back().or_throw();
  const auto standing = Pausing::standing(*broker_, {}).or_throw();
  ASSERT_EQ(standing.size(), 1U);
  EXPECT_EQ(standing[0].target, "test");
  EXPECT_TRUE(standing[0].paused);
  make_counting();
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
  EXPECT_EQ(lines_.count(" starts paused by request"), 2U) << lines_.all();
  expect_nothing_begins();
}

TEST_F(PausingTest, TheProgramsOwnPauseIsAnother) {
  auto& service = make_counting();
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
  ask("test/count", true, 1);
  service.pause("count").or_throw();
  service.resume("count").or_throw();
  expect_nothing_begins();
  service.pause("count").or_throw();
  EXPECT_TRUE(ask("test/count", false, 1).at(0).paused);
  EXPECT_EQ(lines_.count("and stays paused by its own program"), 1U) << lines_.all();
  expect_nothing_begins();
  service.resume("count").or_throw();
  EXPECT_TRUE(seen_.wait(2));
}

TEST_F(PausingTest, NamespacesAndOtherServicesAreLeftAlone) {
  make_counting({.settings = {{"namespace", "blue"}}});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
  for (const auto* const other : {"test", "test/count"}) (void)Pausing::ask(*broker_, other, true, "green").or_throw();
  for (const auto* const other : {"tes", "test.coun", "other/count", "count"})
    (void)Pausing::ask(*broker_, other, true, "blue").or_throw();
  EXPECT_EQ(ask("test/pay", true, 1, "blue").at(0).group, "test.pay");
  EXPECT_EQ(lines_.count(" is paused by request"), 1U) << lines_.all();
}

/// It does not grow for ever, and no pause ends by that.
TEST(ControlTopic, ForgetsWhatIsOverAndKeepsWhileAPauseStands) {
  std::string pattern = (std::filesystem::temp_directory_path() / "tidings-control-XXXXXX").string();
  const std::string folder = mkdtemp(pattern.data());
  {
    const auto broker = open_broker("log:" + folder).or_throw();
    const auto age = [&] { return broker->topic("tidings.control").or_throw().retention.age; };
    make_control_topic(*broker, "tidings.control", false).or_throw();
    EXPECT_EQ(age(), control_age) << "a request for dead letters made it";
    (void)Pausing::ask(*broker, "shop", true, {}).or_throw();
    EXPECT_EQ(age(), Duration{}) << "a pause stands";
    make_control_topic(*broker, "tidings.control", false).or_throw();
    (void)Pausing::ask(*broker, "shop/take", false, {}).or_throw();
    EXPECT_EQ(age(), Duration{}) << "it stands still, but for one";
    nothing_stands(*broker, "tidings.control", {});
    EXPECT_EQ(age(), Duration{});
    (void)Pausing::ask(*broker, "shop", false, {}).or_throw();
    EXPECT_EQ(age(), control_age) << "nothing does";
    auto mistaken = Pausing::ask(*broker, "shap", true, {}).or_throw();
    EXPECT_EQ(age(), Duration{});
    mistaken.take_back().or_throw();
    EXPECT_EQ(age(), control_age);
    broker->set_retention("tidings.control", {.bytes = 1 << 20}).or_throw();
    (void)Pausing::ask(*broker, "shop", false, {}).or_throw();
    EXPECT_EQ(broker->topic("tidings.control").or_throw().retention, (Retention{.bytes = 1 << 20})) << "who knows why";
  }
  std::filesystem::remove_all(folder);
}

TEST_F(PausingTest, NamesAreChecked) {
  for (const auto* const wrong : {"", "a b", "test/", "/count", "test/count/x", "test/../x"})
    EXPECT_EQ(Pausing::ask(*broker_, wrong, true, {}).error().code, "invalid_name") << wrong;
  EXPECT_FALSE(broker_->topic("tidings.control")) << "and nothing was made";
}

}  // namespace
}  // namespace tidings::service
