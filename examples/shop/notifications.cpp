// notifications: writes a mail for each order that has come to its end, into a folder.
//
// A mail's file is named by its order, so writing it twice changes nothing: that is all the memory it needs.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "events.hpp"
#include "pace.hpp"
#include "tidings/base/atomic_file.hpp"
#include "tidings/service/service.hpp"
#include "till.hpp"

namespace {

using namespace shop;
using tidings::Result;

/// Anything but letters and digits as %XX: so no number leaves the folder, or the line of a mail's head.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
    char shown[4] = {c, 0, 0, 0};
    if (!plain) std::snprintf(shown, sizeof shown, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += shown;
  }
  return out;
}

std::string head(const std::string& customer, const std::string& subject) {
  return "From: shop@example.org\r\nTo: " + (customer.empty() ? "guest" : "customer-" + escaped(customer)) +
         "@example.org\r\nSubject: " + subject + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
}

std::string mail(const OrderConfirmed& order) {
  auto text = head(order.customer_id, "Your order " + escaped(order.order_id) + " is confirmed") +
              "Thank you. We send you:\r\n\r\n";
  for (const auto& line : order.lines)
    text += std::to_string(line.quantity) + " x " + line.description + " (" + line.product + ") at " +
            money(line.price_minor) + "\r\n";
  return text + "\r\nTotal: " + money(order.total_minor) + "\r\n";
}

const char* words_for(FailureReason reason) {
  switch (reason) {
    case FailureReason::out_of_stock:
      return "we do not have enough";
    case FailureReason::payment_declined:
      return "your payment was declined";
    case FailureReason::no_answer:
      return "it could not be brought to its end in time";
    case FailureReason::cancelled:
      return "you have cancelled it";
  }
  return "";
}

std::string mail(const OrderFailed& order) {
  const bool is_wanted = order.reason != FailureReason::cancelled;
  return head(order.customer_id, is_wanted ? "We cannot send your order " + escaped(order.order_id)
                                           : "Your order " + escaped(order.order_id) + " is cancelled") +
         (is_wanted ? "We are sorry: " : "As you wished: ") + words_for(order.reason) +
         (order.detail.empty() ? "" : ", " + order.detail) + ".\r\n\r\nNothing is charged.\r\n";
}

/// The mails of a batch reach the disk together: one sync for all of them, before they are acknowledged.
Result<> send(const std::string& folder, const tidings::Batch<OrderConfirmed, OrderFailed>& batch) {
  for (const auto& [event, context] : batch) {
    auto written = std::visit(
        [&](const auto& order) {
          return tidings::write_file_atomically(folder + "/" + escaped(order.order_id) + ".eml", mail(order),
                                                {.synced = false});
        },
        event);
    if (!written) return written;
  }
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = opened >= 0 && ::syncfs(opened) == 0;
  if (opened >= 0) ::close(opened);
  if (!synced) return tidings::Error{"io_error", "cannot sync " + folder, tidings::Retry::same_call};
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("notifications", argc, argv,
                                             {{"mails", "folder that the mails are written to", "mails"},
                                              {"pace", "events a second at most; 0: as fast as it goes", "0"}});
  const std::string folder(service.setting("mails"));
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);  // writing says why it fails
  auto pace = Pace::from_setting(service.setting("pace"));
  service.on("send-mails", {}, [&](const tidings::Batch<OrderConfirmed, OrderFailed>& batch) {
    pace.take(batch.size());
    return send(folder, batch);
  });
  return service.run();
}
