#include "analytics.hpp"

#include "testing.hpp"

namespace shop {
namespace {

class AnalyticsTest : public ShopTest {
 protected:
  void run_analytics() {
    Analytics analytics(path(), saved());
    auto service = make("analytics");
    service.on("count-revenue", {}, &Analytics::on, &analytics);
    run(std::move(service), "count-revenue", "orders");
  }
  [[nodiscard]] std::string read_file_of_state() const { return tidings::read_file(path()).or_throw(); }
  [[nodiscard]] AnalyticsState saved() const { return load_state<AnalyticsState>(path()).or_throw(); }
  [[nodiscard]] std::string path() const { return folder + "/analytics.json"; }
};

TEST_F(AnalyticsTest, counts_by_country_and_day_and_product) {
  auto late = confirmed("2", 3);
  late.placed_at = tidings::TimePoint{std::chrono::hours{25}};
  auto abroad = confirmed("3", 4);
  abroad.country = "France";
  publish(confirmed("1", 2));
  publish(late);
  publish(abroad);
  publish(returned("C1", 2));
  run_analytics();
  const auto state = saved();
  EXPECT_EQ(state.revenue_minor.at("UK").at("1970-01-01"), 0);
  EXPECT_EQ(state.revenue_minor.at("UK").at("1970-01-02"), 300);
  EXPECT_EQ(state.revenue_minor.at("France").at("1970-01-01"), 400);
  EXPECT_EQ(state.sold.at("mug"), 7);
  EXPECT_EQ(state.orders, 3U);
  EXPECT_EQ(state.returns, 1U);
}

TEST_F(AnalyticsTest, a_kill_counts_nothing_twice_nor_does_a_second_one) {
  std::vector<OrderConfirmed> orders;
  orders.reserve(Recent::size_max + 100);
  for (std::size_t number = 0; number < Recent::size_max + 100; ++number)
    orders.push_back(confirmed(std::to_string(number)));
  publish_all(orders);
  run_analytics();
  const auto once = read_file_of_state();
  for (int kill = 0; kill < 2; ++kill) {
    give_again("orders", "analytics.count-revenue");
    run_analytics();
    EXPECT_EQ(read_file_of_state(), once);
  }
  EXPECT_EQ(saved().orders, orders.size());
}

TEST_F(AnalyticsTest, an_order_that_is_published_twice_counts_once) {
  publish(confirmed("1", 2));
  publish(confirmed("1", 2));
  publish(returned("C9"));
  publish(returned("C9"));
  run_analytics();
  EXPECT_EQ(saved().orders, 1U);
  EXPECT_EQ(saved().returns, 1U);
  EXPECT_EQ(saved().sold.at("mug"), 1);
}

TEST_F(AnalyticsTest, only_what_is_confirmed_counts) {
  publish(placed("1", 2));
  publish(OrderFailed{"1", "c", FailureReason::no_answer, ""});
  publish(placed("2", 3));
  publish(confirmed("2", 3));
  run_analytics();
  EXPECT_EQ(saved().orders, 1U);
  EXPECT_EQ(saved().sold.at("mug"), 3);
}

}  // namespace
}  // namespace shop
