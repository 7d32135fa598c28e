// A service for the tests of sealed events: publishes one of each id that the setting `pay` names, with commas between,
// and prints what it handles, flushed at once.
#include <cstdio>
#include <sstream>
#include <string>

#include "tidings/service/service.hpp"

namespace {

struct Payment {
  std::string id;
  std::string iban = "DE89370400440532013000";
  std::string town = "Bath";
  static constexpr tidings::traits<Payment> event{.name = "shop.payment",
                                                  .topic = "payments",
                                                  .key = &Payment::id,
                                                  .encrypted = true,
                                                  .redacted = tidings::redact<&Payment::iban>};
};

}  // namespace

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("till", argc, argv, {{"pay", "ids", ""}});
  const std::string ids(service.setting("pay"));
  if (ids.empty()) {
    service.on("book", {.retry = {.immediate = 0, .delayed = 0}}, [](const Payment& payment) {
      std::printf("%s %s\n", payment.id.c_str(), payment.iban.c_str());
      std::fflush(stdout);
    });
    return service.run();
  }
  std::istringstream list(ids);
  for (std::string id; std::getline(list, id, ',');)
    if (auto paid = service.publish(Payment{id}); !paid) {
      std::printf("%s\n", paid.error().code.c_str());
      return 1;
    }
  return 0;
}
