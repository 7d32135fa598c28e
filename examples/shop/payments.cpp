// payments: charges customers, and pays them back where the checkout of their order goes back, or they return goods.
// See payments.hpp for how it bears being killed.
//
// There is no bank behind it: which payments are declined, and which are never answered, is drawn by the order's
// number.
#include "payments.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "pace.hpp"
#include "tables.hpp"

namespace {

using namespace shop;

/// Ends the program, as wrong settings do, where it is none.
double parse_rate(const char* setting, std::string_view text) {
  double rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error == std::errc{} && end == text.data() + text.size() && rate >= 0 && rate <= 1) return rate;
  std::fprintf(stderr, "payments: --%s is a part of all payments, from 0 to 1\n", setting);
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args(
      "payments", argc, argv,
      {{"decline-rate", "part of the payments that are declined", "0.02"},
       {"silent-rate", "part of them that is never answered; half of it is charged", "0.005"},
       {"pace", "events a second at most; 0: as fast as it goes", "0"}});
  const Bank bank{.decline_rate = parse_rate("decline-rate", service.setting("decline-rate")),
                  .silent_rate = parse_rate("silent-rate", service.setting("silent-rate"))};
  if (auto made = make_participant_tables(service, payment_tables); !made) {
    service.log().write(tidings::LogLevel::error, "payments: " + to_string(made.error()));
    return 1;
  }
  std::optional<Payments> payments;
  if (service.store() != nullptr) payments.emplace(bank, *service.store());  // without one `run` says so
  auto pace = Pace::from_setting(service.setting("pace"));
  service.on("keep-accounts", {},
             [&](const tidings::Batch<ChargePayment, RefundPayment, OrderReturned>& batch, tidings::Transaction& tx) {
               pace.take(batch.size());
               return payments->on(batch, tx);
             });
  service.publishes<PaymentCharged, PaymentDeclined, PaymentRefunded>("keep-accounts");
  return service.run();
}
