#include "resume.hpp"

#include "analytics.hpp"
#include "testing.hpp"

namespace shop {
namespace {

class ResumeTest : public ShopTest {
 protected:
  /// As analytics' main does it; the error's code, or empty.
  std::string run_analytics(const std::string& name_space = {}) {
    auto service = make("analytics", name_space);
    auto state = load_state<AnalyticsState>(path()).or_throw();
    if (auto resumed = resume(service, "count-revenue", "orders", path(), state); !resumed) {
      why_ = resumed.error().message;
      return resumed.error().code;
    }
    Analytics analytics(path(), std::move(state));
    service.on("count-revenue", {}, &Analytics::on, &analytics);
    run(std::move(service), "count-revenue", "orders");
    return {};
  }
  [[nodiscard]] std::uint64_t counted() const { return load_state<AnalyticsState>(path()).or_throw().orders; }
  [[nodiscard]] std::string path() const { return folder + "/analytics.json"; }

  std::string why_;
};

TEST_F(ResumeTest, a_state_goes_on_in_its_own_log) {
  publish(confirmed("1"));
  EXPECT_EQ(run_analytics(), "");
  EXPECT_EQ(run_analytics(), "");
  publish(confirmed("2"));
  EXPECT_EQ(run_analytics(), "");
  EXPECT_EQ(counted(), 2U);
}

TEST_F(ResumeTest, a_state_of_another_log_is_refused) {
  publish(confirmed("1"));
  publish(confirmed("2"));
  EXPECT_EQ(run_analytics(), "");
  broker.reset();  // the last handle, so that all of it is gone
  broker = tidings::open_broker("memory:", {.log = &silence}).or_throw();
  EXPECT_EQ(run_analytics(), "another_log") << "there is no such topic";
  publish(confirmed("3"));
  EXPECT_EQ(run_analytics(), "another_log");
  EXPECT_NE(why_.find("covers 2 events of orders/0"), std::string::npos) << why_;
  EXPECT_NE(why_.find("there are fewer"), std::string::npos) << why_;
  publish(confirmed("4"));
  publish(confirmed("5"));
  EXPECT_EQ(run_analytics(), "another_log");
  EXPECT_NE(why_.find("that place has "), std::string::npos) << why_;
  EXPECT_EQ(counted(), 2U);
}

TEST_F(ResumeTest, a_state_of_another_namespace_is_refused) {
  publish(confirmed("1"));
  EXPECT_EQ(run_analytics(), "");
  EXPECT_EQ(run_analytics("other"), "another_log");
}

TEST_F(ResumeTest, a_state_that_covers_nothing_yet_goes_on_where_its_group_stands) {
  publish(placed("1"));  // which it does not count
  EXPECT_EQ(run_analytics(), "");
  publish(placed("2"));
  EXPECT_EQ(run_analytics(), "");
  const auto groups = broker->groups("orders").or_throw();
  ASSERT_EQ(groups.size(), 1U);
  std::uint64_t handled = 0;
  for (const auto& partition : groups.front().partitions) handled += partition.handled;
  EXPECT_EQ(handled, 2U);
  EXPECT_EQ(counted(), 0U);
}

TEST_F(ResumeTest, a_state_that_was_moved_away_is_made_anew) {
  publish(confirmed("1"));
  publish(confirmed("2"));
  EXPECT_EQ(run_analytics(), "");
  std::filesystem::remove(path());
  publish(confirmed("3"));
  EXPECT_EQ(run_analytics(), "");
  EXPECT_EQ(counted(), 3U);
}

}  // namespace
}  // namespace shop
