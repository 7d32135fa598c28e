// analytics: revenue by country and day, and what sells best, of orders that are confirmed.
//
// It may be down for as long as it likes: the others go on, and it catches up from the position that its state covers.
#include "analytics.hpp"

#include "pace.hpp"
#include "resume.hpp"
#include "tidings/service/service.hpp"

using namespace shop;

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args(
      "analytics", argc, argv,
      {{"state", "folder of the state file", "."}, {"pace", "events a second at most; 0: as fast as it goes", "0"}});
  const auto path = std::string(service.setting("state")) + "/analytics.json";
  auto state = load_state<AnalyticsState>(path);
  auto resumed = state ? resume(service, "count-revenue", "orders", path, *state) : tidings::Result<>(state.error());
  if (!resumed) {
    service.log().write(tidings::LogLevel::error, "analytics: " + to_string(resumed.error()));
    return 1;
  }
  Analytics analytics(path, std::move(*state));
  auto pace = Pace::from_setting(service.setting("pace"));
  service.on("count-revenue", {}, [&](const tidings::Batch<OrderConfirmed, OrderReturned>& batch) {
    pace.take(batch.size());
    return analytics.on(batch);
  });
  return service.run();
}
