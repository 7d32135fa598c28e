#include "service/publications.hpp"

#include <algorithm>

namespace tidings::service {

Result<> Publications::publish(std::string_view topic, Envelope envelope) {
  if (auto fine = publisher_->check(topic, envelope.view()); !fine) return fine;
  auto batch = std::ranges::find(batches_, topic, &Batch::topic);
  if (batch == batches_.end()) batch = batches_.insert(batch, Batch{std::string(topic), {}});
  batch->events.push_back(std::move(envelope));
  return {};
}

Result<> Publications::send() {
  std::vector<EnvelopeView> views;
  while (!batches_.empty()) {
    views.clear();
    for (const auto& event : batches_.front().events) views.push_back(event.view());
    if (auto sent = publisher_->publish(batches_.front().topic, views); !sent) return sent;
    batches_.erase(batches_.begin());
  }
  return {};
}

}  // namespace tidings::service
