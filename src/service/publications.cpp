#include "service/publications.hpp"

#include <algorithm>

#include "tidings/base/text.hpp"
#include "tidings/ops/trace.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

/// Where a reply goes stands in a header of its request, which anybody may have written: it must not bring the handler
/// to publish wherever that says.
Result<> check_reply_topic(std::string_view topic) {
  constexpr std::string_view of_replies = ".replies";
  if (auto fine = validate_name("topic", topic); !fine) return fine;
  if (topic.ends_with(of_replies) && topic.size() > of_replies.size()) return {};
  return Error{"invalid_name", "topic '" + std::string(topic) + "' is none for replies, SERVICE.replies"};
}

}  // namespace

Result<> Publications::publish(std::string_view topic, Envelope envelope) {
  const bool is_reply = envelope.headers.get(reply::to_request).has_value();
  if (is_reply)
    if (auto fine = check_reply_topic(topic); !fine) {
      publisher_->reply_refused(topic, fine.error());
      return {};
    }
  // Once: what is sent again is the same then, also where its payload waits in a folder.
  if (auto sealed = publisher_->seal(envelope); !sealed) return sealed;
  if (auto fine = publisher_->check(topic, envelope.view()); !fine) return fine;
  auto batch = std::ranges::find(batches_, topic, &Batch::topic);
  if (batch == batches_.end()) batch = batches_.insert(batch, Batch{std::string(topic), {}, is_reply});
  batch->is_of_replies = batch->is_of_replies && is_reply;
  batch->events.push_back(std::move(envelope));
  return {};
}

std::vector<std::size_t> Publications::mark() const {
  std::vector<std::size_t> sizes;
  for (const auto& batch : batches_) sizes.push_back(batch.events.size());
  return sizes;
}

void Publications::roll_back(const std::vector<std::size_t>& mark) {
  batches_.erase(batches_.begin() + static_cast<std::ptrdiff_t>(mark.size()), batches_.end());
  for (std::size_t at = 0; at < mark.size(); ++at)
    batches_[at].events.erase(batches_[at].events.begin() + static_cast<std::ptrdiff_t>(mark[at]),
                              batches_[at].events.end());
}

Result<> Publications::write(Transaction& tx) const {
  std::vector<EnvelopeView> views;
  for (const auto& batch : batches_) {
    views.clear();
    for (const auto& event : batch.events) views.push_back(event.view());
    if (auto written = publisher_->publish_with(tx, batch.topic, views); !written) return written;
  }
  return {};
}

Result<> Publications::send() {
  const ops::InSpan in(span_);
  std::vector<EnvelopeView> views;
  while (!batches_.empty()) {
    views.clear();
    for (const auto& event : batches_.front().events) views.push_back(event.view());
    const auto& batch = batches_.front();
    if (auto sent = publisher_->publish(batch.topic, views); !sent) {
      // Who asked is gone, and his topic with him: no fault of the event's, nor of its handler's.
      if (!batch.is_of_replies || sent.error().code != "unknown_topic") return sent;
      publisher_->reply_refused(batch.topic, sent.error());
    }
    batches_.erase(batches_.begin());
  }
  return {};
}

}  // namespace tidings::service
