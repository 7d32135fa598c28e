#include "outbox_sides/side.hpp"

namespace bench::outbox {

OrderPlaced order_of(std::uint64_t number) {
  return {.order_id = std::to_string(100'000 + number % keys),
          .number = static_cast<std::int64_t>(number),
          .customer_id = "customer-" + std::to_string(1'000 + number % 99'000),
          .total_minor = static_cast<std::int64_t>(1'900 + number % 100'000 * 7'919 % 1'000'000)};
}

std::string payload_sql(std::string_view n) {
  const auto number = [&](const std::string& text) { return "cast((" + text + ") as text)"; };
  const std::string of(n);
  return R"('{"order_id":"' || )" + number("100000 + " + of + " % 10000") + R"( || '","number":' || )" + number(of) +
         R"( || ',"customer_id":"customer-' || )" + number("1000 + " + of + " % 99000") +
         R"( || '","total_minor":' || )" + number("1900 + " + of + " % 100000 * 7919 % 1000000") + " || '}'";
}

}  // namespace bench::outbox
