// analytics: revenue by country and day, and what sells best.
//
// It may be down for as long as it likes: the others go on, and it catches up from the position that its state covers.
#include "analytics.hpp"

#include "resume.hpp"
#include "tidings/service/service.hpp"

using namespace shop;

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("analytics", argc, argv, {{"state", "folder of the state file", "."}});
  const auto path = std::string(service.setting("state")) + "/analytics.json";
  auto state = load_state<AnalyticsState>(path);
  auto resumed =
      state ? resume(service, "count-revenue", "orders", path, state->positions) : tidings::Result<>(state.error());
  if (!resumed) {
    service.log().write(tidings::LogLevel::error, "analytics: " + to_string(resumed.error()));
    return 1;
  }
  Analytics analytics(path, std::move(*state));
  service.on("count-revenue", {}, &Analytics::on, &analytics);
  return service.run();
}
