#include "demo/feeder.hpp"

#include <cmath>

#include "tidings/base/key_hash.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::cli {
namespace {

constexpr std::uint64_t behind_max = 300;

}  // namespace

std::optional<std::uint64_t> Cancelling::comes_behind(const std::string& order_id) const {
  if (order_id.starts_with('C')) return std::nullopt;  // a return
  const auto name = "cancel/" + std::to_string(seed) + "/" + order_id;
  if (std::ldexp(static_cast<double>(key_hash(name) >> 11), -53) >= rate) return std::nullopt;
  const auto drawn = key_hash("when/" + name);
  return drawn % 2 == 0 ? 0 : drawn / 2 % behind_max;
}

Feeder::Feeder(const Input& input, std::uint64_t repeat, Cancelling cancelling)
    : input_(input),
      cancelling_(cancelling),
      round_mark_(round_mark(input.submissions)),
      total_(input.submissions.size() * repeat) {}

Submission Feeder::submission(std::uint64_t number) const {
  auto one = input_.submissions[number % input_.submissions.size()];
  if (const auto round = number / input_.submissions.size(); round > 0)
    one.order_id += round_mark_ + std::to_string(round + 1);
  return one;
}

Result<> Feeder::feed(Broker& broker, const std::string& topic, std::uint64_t count, Expected* expected) {
  std::vector<Envelope> envelopes;
  const EnvelopeOptions how{.source = "till"};
  for (std::uint64_t number = fed_; number < fed_ + count; ++number) {
    auto one = submission(number);
    if (expected != nullptr) expected->add(one);
    if (const auto behind = cancelling_.comes_behind(one.order_id)) later_.emplace(number + *behind, one.order_id);
    auto made = make_envelope(shop::OrderSubmitted{one.order_id, std::move(one.lines)}, how);
    if (!made) return made.error();
    envelopes.push_back(std::move(*made));
    const bool is_last = number + 1 == total_;
    while (!later_.empty() && (is_last || later_.begin()->first <= number)) {
      const auto& order_id = later_.begin()->second;
      if (expected != nullptr) expected->cancellations.insert(order_id);
      auto cancellation = make_envelope(shop::CancellationSubmitted{order_id}, how);
      if (!cancellation) return cancellation.error();
      envelopes.push_back(std::move(*cancellation));
      later_.erase(later_.begin());
      ++cancellations_;
    }
  }
  std::vector<EnvelopeView> views;
  views.reserve(envelopes.size());
  for (const auto& envelope : envelopes) views.push_back(envelope.view());
  auto published = broker.publish(topic, views);
  if (!published) return published.error();
  fed_ += count;
  return {};
}

}  // namespace tidings::cli
