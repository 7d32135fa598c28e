#include "inventory.hpp"

#include <gmock/gmock.h>

#include "testing.hpp"

namespace shop {
namespace {

using Told = std::vector<std::string>;

class InventoryTest : public ShopTest {
 protected:
  /// Starts it on what its tables have, and lets it work off what it was told.
  void run_inventory(std::int64_t stock = -1, const std::string& topic = "stock.commands") {
    auto service = make_with("inventory", inventory_tables);
    Inventory inventory(stock, *store);
    service.on("keep-stock", {}, &Inventory::on, &inventory);
    run(std::move(service), "keep-stock", topic);
  }
  void reserve(const std::string& id, std::int64_t quantity) {
    command("saga/checkout/" + id + "/reserve stock/do", ReserveStock{id, placed(id, quantity).lines});
  }
  void release(const std::string& id) { command("saga/checkout/" + id + "/reserve stock/undo", ReleaseStock{id}); }
  /// `reserved/returned` of the mugs.
  [[nodiscard]] std::string mugs() {
    const auto all = rows<Shelf::Product>("select reserved, returned from products where id = 'mug'");
    return all.size() == 1 ? std::to_string(all[0].reserved) + "/" + std::to_string(all[0].returned) : "none";
  }
  [[nodiscard]] Told reservations() {
    return rows<std::string>("select order_id || ' ' || outcome || ' ' || held from reservations order by order_id");
  }
};

TEST_F(InventoryTest, reserves_all_lines_or_none) {
  reserve("1", 3);
  run_inventory(5);
  reserve("2", 3);  // different orders go by different partitions
  run_inventory(5);
  reserve("3", 2);
  run_inventory(5);
  EXPECT_EQ(told("stock"), (Told{"shop.stock-reserved 1", "shop.stock-rejected 2", "shop.stock-reserved 3"}));
  EXPECT_EQ(reservations(), (Told{R"(1 reserved {"mug":3})", "2 rejected {}", R"(3 reserved {"mug":2})"}));
  EXPECT_EQ(mugs(), "5/0");
}

TEST_F(InventoryTest, what_is_released_is_there_for_others) {
  reserve("1", 3);
  release("1");
  run_inventory(5);
  reserve("2", 5);
  run_inventory(5);
  reserve("3", 1);
  release("3");  // was refused, and held nothing
  run_inventory(5);
  EXPECT_EQ(told("stock"), (Told{"shop.stock-reserved 1", "shop.stock-released 1", "shop.stock-reserved 2",
                                 "shop.stock-rejected 3", "shop.stock-released 3"}));
  EXPECT_EQ(reservations(), (Told{"1 released {}", R"(2 reserved {"mug":5})", "3 rejected {}"}));
  EXPECT_EQ(mugs(), "5/0");
}

TEST_F(InventoryTest, every_product_of_an_order_is_released) {
  auto order = placed("1", 2);
  order.lines.push_back({.product = "cup", .description = "CUP", .quantity = 4, .price_minor = 1});
  order.lines.push_back({.product = "mug", .description = "MUG", .quantity = 3, .price_minor = 100});
  command("saga/checkout/1/reserve stock/do", ReserveStock{"1", order.lines});
  run_inventory();
  EXPECT_EQ(reservations(), (Told{R"(1 reserved {"cup":4,"mug":5})"}));
  release("1");
  run_inventory();
  EXPECT_EQ(rows<std::int64_t>("select sum(reserved) from products"), std::vector<std::int64_t>{0});
}

TEST_F(InventoryTest, a_command_that_its_compensation_overtook_does_nothing) {
  release("1");
  reserve("1", 3);
  run_inventory(5);
  EXPECT_EQ(told("stock"), (Told{"shop.stock-released 1", "shop.stock-rejected 1"}));
  EXPECT_EQ(reservations(), Told{});
  EXPECT_EQ(mugs(), "none");
}

TEST_F(InventoryTest, a_command_that_is_sent_again_is_carried_out_once) {
  for (int sent = 0; sent < 3; ++sent) reserve("1", 3);
  for (int sent = 0; sent < 3; ++sent) release("1");
  run_inventory();
  EXPECT_EQ(mugs(), "0/0");
  EXPECT_EQ(parked("inventory.keep-stock"), Told{});
}

TEST_F(InventoryTest, what_was_refused_may_be_asked_for_again_by_a_person) {
  reserve("1", 6);
  run_inventory(5);  // refused, before there is more
  publish(returned("C7", 1));
  run_inventory(5, "orders");
  command("saga/checkout/1/reserve stock/do/2", ReserveStock{"1", placed("1", 6).lines});
  run_inventory(5);
  EXPECT_EQ(told("stock"), (Told{"shop.stock-rejected 1", "shop.stock-reserved 1"}));
  EXPECT_EQ(mugs(), "6/1");
}

TEST_F(InventoryTest, a_kill_before_it_acknowledged_changes_nothing) {
  reserve("1", 3);
  run_inventory(5);
  reserve("2", 3);
  run_inventory(5);
  release("1");
  run_inventory(5);
  reserve("3", 5);  // there is room for it only since 1 was released
  publish(returned("C7"));
  run_inventory(5);
  run_inventory(5, "orders");
  const Told once{"shop.stock-reserved 1", "shop.stock-released 1", "shop.stock-rejected 2", "shop.stock-reserved 3"};
  ASSERT_EQ(told("stock"), once);
  for (int kill = 0; kill < 2; ++kill) {
    for (const std::string topic : {"stock.commands", "orders"}) {
      give_again(topic, "inventory.keep-stock");
      run_inventory(5, topic);
    }
    EXPECT_EQ(told("stock"), once);
    EXPECT_EQ(mugs(), "5/1");
    EXPECT_EQ(parked("inventory.keep-stock"), Told{});
  }
}

}  // namespace
}  // namespace shop
