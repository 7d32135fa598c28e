// analytics: revenue by country and day, and what sells best.
//
// It may be down for as long as it likes: the others go on, and it catches up from the position that its state covers.
#include "events.hpp"
#include "state.hpp"
#include "tidings/service/service.hpp"

namespace {

using namespace shop;
using tidings::Result;

class Analytics {
 public:
  Analytics(std::string path, AnalyticsState state)
      : path_(std::move(path)), state_(std::move(state)), recent_(std::move(state_.recent)) {}

  Result<> on(const tidings::Batch<OrderPlaced, OrderCancelled>& batch) {
    for (const auto& [event, context] : batch) {
      if (covers(state_.positions, context)) continue;  // killed after the save, before the acknowledgement
      std::visit([&](const auto& order) { count(order); }, event);
      cover(state_.positions, context);
    }
    state_.recent = recent_.entries();
    return save_state(path_, state_);
  }

 private:
  void count(const OrderPlaced& order) {
    if (recent_.find(order.order_id) != nullptr) return;  // published twice by a service that was killed
    recent_.add(order.order_id, "placed");
    ++state_.orders;
    add(order.country, order.placed_at, order.lines, order.total_minor, 1);
  }

  void count(const OrderCancelled& order) {
    const auto name = order.order_id + " cancelled";
    if (recent_.find(name) != nullptr) return;
    recent_.add(name, "cancelled");
    ++state_.returns;
    // Only a return has a number of its own.
    if (!order.order_id.starts_with('C') && recent_.find(order.order_id) == nullptr) ++state_.out_of_order;
    add(order.country, order.cancelled_at, order.lines, order.total_minor, -1);
  }

  void add(const std::string& country, tidings::TimePoint time, const std::vector<OrderLine>& lines,
           std::int64_t total_minor, int sign) {
    state_.revenue_minor[country][tidings::to_rfc3339(time).substr(0, 10)] += sign * total_minor;
    for (const auto& line : lines) state_.sold[line.product] += sign * line.quantity;
  }

  std::string path_;
  AnalyticsState state_;
  Recent recent_;
};

}  // namespace

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("analytics", argc, argv, {{"state", "folder of the state file", "."}});
  const auto path = std::string(service.setting("state")) + "/analytics.json";
  auto state = load_state<AnalyticsState>(path);
  if (!state) {
    service.log().write(tidings::LogLevel::error, to_string(state.error()));
    return 1;
  }
  Analytics analytics(path, std::move(*state));
  service.on("count-revenue", {},
             [&](const tidings::Batch<OrderPlaced, OrderCancelled>& batch) { return analytics.on(batch); });
  return service.run();
}
