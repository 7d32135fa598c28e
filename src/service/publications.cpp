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
