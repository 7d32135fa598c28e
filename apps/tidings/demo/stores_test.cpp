#include "demo/stores.hpp"

#include <gtest/gtest.h>

namespace tidings::cli {
namespace {

TEST(Stores, ASchemaStandsBesideWhatOptionsThereAre) {
  EXPECT_EQ(with_schema("postgres:///shop", "s"), "postgres:///shop?options=-csearch_path%3Ds");
  EXPECT_EQ(with_schema("postgres://h/shop?sslmode=require", "s"),
            "postgres://h/shop?sslmode=require&options=-csearch_path%3Ds");
  EXPECT_EQ(with_schema("postgres://h/shop?options=-cstatement_timeout%3D5s&sslmode=require", "s"),
            "postgres://h/shop?options=-cstatement_timeout%3D5s%20-csearch_path%3Ds&sslmode=require");
  EXPECT_EQ(with_schema("postgres://h/shop?sslmode=require&options=-ca%3D1", "s"),
            "postgres://h/shop?sslmode=require&options=-ca%3D1%20-csearch_path%3Ds");
}

TEST(Stores, WhoHasRowsHasAFileOfItsOwn) {
  const auto stores = Stores::make(std::nullopt, "/run").or_throw();
  EXPECT_EQ(stores.url("orders"), "sqlite:/run/orders/orders.db");
  EXPECT_EQ(stores.url("inventory"), "sqlite:/run/inventory/inventory.db");
  EXPECT_EQ(stores.url("payments"), "sqlite:/run/payments/payments.db");
  EXPECT_EQ(stores.url("analytics"), "");
  EXPECT_TRUE(stores.schemas().empty());
}

TEST(Stores, AFileIsNotGiven) {
  EXPECT_TRUE(check_store("postgres://localhost/shop"));
  EXPECT_EQ(check_store("sqlite:./shop.db").error().code, "invalid_url");
}

}  // namespace
}  // namespace tidings::cli
