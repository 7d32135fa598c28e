#include "inventory.hpp"

#include "testing.hpp"

namespace shop {
namespace {

using Told = std::vector<std::string>;

class InventoryTest : public ShopTest {
 protected:
  /// Starts it on the state that is there, and lets it work off `orders`.
  void run_inventory(std::int64_t stock = -1, tidings::HandlerOptions options = {}) {
    auto state = saved();
    state.stock_each = stock;
    Inventory inventory(path(), std::move(state));
    auto service = make("inventory");
    service.on("reserve-stock", options, &Inventory::on, &inventory);
    run(std::move(service), "reserve-stock", "orders");
  }
  /// Without what else the journal of dead letters has.
  [[nodiscard]] Told parked() {
    auto all = told("inventory.reserve-stock.dead-letters");
    std::erase_if(all, [](const std::string& one) { return one.starts_with("tidings."); });
    return all;
  }
  void killed_before_it_acknowledged() { give_again("orders", "inventory.reserve-stock"); }
  [[nodiscard]] InventoryState saved() const { return load_state<InventoryState>(path()).or_throw(); }
  [[nodiscard]] std::string path() const { return folder + "/inventory.json"; }
};

TEST_F(InventoryTest, reserves_all_lines_or_none) {
  publish(placed("1", 3));
  publish(placed("2", 3));
  publish(placed("3", 2));
  run_inventory(5);
  EXPECT_EQ(told("stock"), (Told{"shop.stock-reserved 1", "shop.stock-rejected 2", "shop.stock-reserved 3"}));
  EXPECT_EQ(saved().products["mug"].reserved, 5);
  EXPECT_EQ(saved().orders_rejected, 1U);
}

TEST_F(InventoryTest, a_kill_gives_the_same_answers_and_a_second_one_too) {
  publish(placed("1", 3));
  publish(placed("2", 3));
  publish(cancelled("1", 3));
  publish(placed("3", 5));  // there is room for it only since 1 was cancelled
  run_inventory(5);
  const Told once{"shop.stock-reserved 1", "shop.stock-rejected 2", "shop.stock-released 1", "shop.stock-reserved 3"};
  ASSERT_EQ(told("stock"), once);
  auto all = once;
  for (int kill = 0; kill < 2; ++kill) {
    killed_before_it_acknowledged();
    run_inventory(5);
    all.insert(all.end(), once.begin(), once.end());
    EXPECT_EQ(told("stock"), all);
    EXPECT_EQ(saved().products["mug"].reserved, 8);
    EXPECT_EQ(saved().products["mug"].returned, 3);
    EXPECT_EQ(saved().orders_reserved, 2U);
  }
}

TEST_F(InventoryTest, an_order_that_is_published_twice_is_reserved_once) {
  publish(placed("1"));
  publish(placed("1"));
  publish(cancelled("1"));
  publish(cancelled("1"));
  run_inventory();
  EXPECT_EQ(saved().products["mug"].reserved, 1);
  EXPECT_EQ(saved().products["mug"].returned, 1);
}

TEST_F(InventoryTest, only_what_was_reserved_is_released) {
  publish(placed("1", 9));
  publish(cancelled("1", 9));
  publish(cancelled("C7", 2));  // a return, which names no order
  run_inventory(5);
  EXPECT_EQ(told("stock"), (Told{"shop.stock-rejected 1", "shop.stock-released C7"}));
  EXPECT_EQ(saved().products["mug"].returned, 2);
}

TEST_F(InventoryTest, a_replay_of_more_than_it_remembers_changes_nothing) {
  std::vector<OrderPlaced> orders;
  orders.reserve(Recent::size_max + 100);
  for (std::size_t number = 0; number < Recent::size_max + 100; ++number)
    orders.push_back(placed(std::to_string(number)));
  publish_all(orders);
  run_inventory();
  const auto before = saved().products["mug"].reserved;
  ASSERT_EQ(before, static_cast<std::int64_t>(orders.size()));
  ASSERT_EQ(read("stock").size(), orders.size());
  killed_before_it_acknowledged();
  run_inventory();
  EXPECT_EQ(saved().products["mug"].reserved, before) << "what was forgotten was reserved again";
  EXPECT_EQ(read("stock").size(), orders.size() + Recent::size_max) << "what is remembered is told again";
}

TEST_F(InventoryTest, what_is_not_saved_is_not_decided) {
  publish(placed("1", 3));
  std::filesystem::rename(folder, folder + ".away");  // nothing can be saved
  {
    Inventory inventory(path(), {});
    auto service = make("inventory");
    service.on("reserve-stock", {.retry = {.immediate = 1, .delayed = 0}}, &Inventory::on, &inventory);
    const std::jthread runner([&] { EXPECT_EQ(service.run(), 0); });
    const Stopped stopped{service};
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (parked().empty() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    std::filesystem::rename(folder + ".away", folder);
    publish(placed("2", 2));
    while (!caught_up("orders", "inventory.reserve-stock") && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  EXPECT_EQ(parked(), (Told{"shop.order-placed 1"}));
  EXPECT_EQ(told("stock"), (Told{"shop.stock-reserved 2"}));
  EXPECT_EQ(saved().products["mug"].reserved, 2) << "what was parked has been counted all the same";
}

}  // namespace
}  // namespace shop
