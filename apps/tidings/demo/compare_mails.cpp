// Mails: one for each order, which tells its customer how it has ended.
#include <cctype>
#include <set>

#include "demo/compare.hpp"

namespace tidings::cli {
namespace {

/// Anything but letters and digits as %XX.
std::string escaped(const std::string& text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string name;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-')
      name += c;
    else
      (name += '%') += std::string{hex[static_cast<unsigned char>(c) >> 4], hex[static_cast<unsigned char>(c) & 15]};
  }
  return name;
}

std::string head_of_mail(const Expected::Order& order, const std::string& subject) {
  return "From: shop@example.org\r\nTo: " + (order.customer.empty() ? "guest" : "customer-" + escaped(order.customer)) +
         "@example.org\r\nSubject: " + subject + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
}

std::string subject_of(const std::string& id, const End& end) {
  if (end.is_confirmed) return "Your order " + escaped(id) + " is confirmed";
  return end.reason == shop::FailureReason::cancelled ? "Your order " + escaped(id) + " is cancelled"
                                                      : "We cannot send your order " + escaped(id);
}

/// What the mail of a failed order says first; who is out of stock is told of what.
std::string why(shop::FailureReason reason) {
  switch (reason) {
    case shop::FailureReason::out_of_stock:
      return "We are sorry: we do not have enough, of ";
    case shop::FailureReason::payment_declined:
      return "We are sorry: your payment was declined";
    case shop::FailureReason::no_answer:
      return "We are sorry: it could not be brought to its end in time.";
    case shop::FailureReason::cancelled:
      return "As you wished: you have cancelled it.";
  }
  return "";
}

}  // namespace

void compare_mails(const Expected& expected, const Results& results, Differences& differences) {
  std::set<std::string> wanted;
  for (const auto& [id, order] : expected.placed) {
    const auto name = escaped(id) + ".eml";
    wanted.insert(name);
    const auto mail = results.mails.find(name);
    const auto* const end = end_of(results, id);
    if (end == nullptr) continue;  // told elsewhere
    const auto head = head_of_mail(order, subject_of(id, *end));
    const auto total = "\r\nTotal: " + amount(order.total_minor) + "\r\n";
    const auto lines = "Thank you. We send you:\r\n\r\n" + order.mail_lines;
    if (mail == results.mails.end())
      differences.add("order " + id + " has no mail");
    else if (!mail->second.starts_with(head))
      differences.add("the mail of order " + id + " is to another, or of another subject");
    else if (end->is_confirmed && !mail->second.ends_with(total))
      differences.add("the mail of order " + id + " does not say " + amount(order.total_minor));
    else if (end->is_confirmed && mail->second != std::string(head).append(lines).append(total))
      differences.add("the mail of order " + id + " does not have the order's lines");
    else if (!end->is_confirmed && !(mail->second.starts_with(head + why(end->reason)) &&
                                     mail->second.ends_with(".\r\n\r\nNothing is charged.\r\n")))
      differences.add("the mail of order " + id + " does not say why it is not sent");
  }
  for (const auto& [name, text] : results.mails)
    if (!wanted.contains(name)) differences.add("there is a mail " + name + " of no order");
}

}  // namespace tidings::cli
