#include "inventory.hpp"

#include <gmock/gmock.h>

#include "testing.hpp"

namespace shop {
namespace {

using Told = std::vector<std::string>;

class InventoryTest : public ShopTest {
 protected:
  /// Starts it on what its tables have, and lets it work off `orders`.
  void run_inventory(std::int64_t stock = -1) {
    const Inventory inventory(stock);
    auto service = make_with("inventory", inventory_tables);
    service.on("reserve-stock", {}, &Inventory::on, &inventory);
    run(std::move(service), "reserve-stock", "orders");
  }
  /// `reserved/returned` of the mugs.
  [[nodiscard]] std::string mugs() {
    const auto all = rows<Shelf::Product>("select reserved, returned from products where id = 'mug'");
    return all.size() == 1 ? std::to_string(all[0].reserved) + "/" + std::to_string(all[0].returned) : "none";
  }
  /// Without what else the journal of dead letters has.
  [[nodiscard]] Told parked() {
    auto all = told("inventory.reserve-stock.dead-letters");
    std::erase_if(all, [](const std::string& one) { return one.starts_with("tidings."); });
    return all;
  }
  [[nodiscard]] Told reservations() {
    return rows<std::string>("select order_id || ' ' || outcome from reservations order by order_id");
  }
};

TEST_F(InventoryTest, reserves_all_lines_or_none) {
  publish(placed("1", 3));
  publish(placed("2", 3));
  publish(placed("3", 2));
  run_inventory(5);
  EXPECT_EQ(told("stock"), (Told{"shop.stock-reserved 1", "shop.stock-rejected 2", "shop.stock-reserved 3"}));
  EXPECT_EQ(reservations(), (Told{"1 reserved", "2 rejected", "3 reserved"}));
  EXPECT_EQ(mugs(), "5/0");
}

TEST_F(InventoryTest, a_kill_before_it_acknowledged_changes_nothing) {
  publish(placed("1", 3));
  publish(placed("2", 3));
  publish(cancelled("1", 3));
  publish(placed("3", 5));  // there is room for it only since 1 was cancelled
  publish(cancelled("C7"));
  run_inventory(5);
  const Told once{"shop.stock-reserved 1", "shop.stock-released 1", "shop.stock-rejected 2", "shop.stock-reserved 3",
                  "shop.stock-released C7"};
  ASSERT_EQ(told("stock"), once);
  for (int kill = 0; kill < 2; ++kill) {
    give_again("orders", "inventory.reserve-stock");
    run_inventory(5);
    EXPECT_EQ(told("stock"), once);
    EXPECT_EQ(mugs(), "8/4");
    EXPECT_EQ(parked(), Told{});
  }
  publish(placed("4", 9));
  run_inventory(5);
  EXPECT_THAT(told("stock"), ::testing::Contains("shop.stock-rejected 4")) << "what it knew before is not forgotten";
}

TEST_F(InventoryTest, only_what_was_reserved_is_released) {
  publish(placed("1", 9));
  publish(cancelled("1", 9));
  publish(cancelled("C7", 2));  // a return, which names no order
  run_inventory(5);
  EXPECT_EQ(told("stock"), (Told{"shop.stock-rejected 1", "shop.stock-released C7"}));
  EXPECT_EQ(mugs(), "0/2");
}

TEST_F(InventoryTest, an_order_that_comes_under_two_ids_is_parked_and_counts_once) {
  publish(placed("1"));
  publish(placed("1"));
  publish(placed("2"));
  run_inventory();
  EXPECT_EQ(told("stock"), (Told{"shop.stock-reserved 1", "shop.stock-reserved 2"}));
  EXPECT_EQ(mugs(), "2/0");
  EXPECT_EQ(parked(), Told{"shop.order-placed 1"});
}

}  // namespace
}  // namespace shop
