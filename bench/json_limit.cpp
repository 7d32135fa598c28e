#include "json_limit.hpp"

#include <simdjson.h>

namespace bench {

static_assert(json_padding >= simdjson::SIMDJSON_PADDING);

bool read_by_simdjson(const std::string& text, Order& order) {
  static simdjson::ondemand::parser parser;
  order = {};
  std::string_view words;
  auto document = parser.iterate(text.data(), text.size(), text.capacity());
  simdjson::ondemand::object members;
  if (document.get_object().get(members) || members.find_field("order_id").get(words)) return false;
  order.order_id = words;
  if (members.find_field("customer_id").get(words)) return false;
  order.customer_id = words;
  for (auto element : members.find_field("lines")) {
    auto& line = order.lines.emplace_back();
    simdjson::ondemand::object inner;
    if (element.get_object().get(inner) || inner.find_field("product").get(words)) return false;
    line.product = words;
    if (inner.find_field("quantity").get(line.quantity) || inner.find_field("price_minor").get(line.price_minor))
      return false;
  }
  return !members.find_field("total_minor").get(order.total_minor);
}

}  // namespace bench
