#include "tailing.hpp"

#include <unistd.h>

#include <algorithm>
#include <limits>

#include "interrupt.hpp"
#include "output.hpp"
#include "place.hpp"
#include "tidings/event/cloud_events.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t fetch_max = 1000;
constexpr Duration look_every = 50ms;
constexpr Duration quiet_max = 2s;
constexpr auto wait_every = 50ms;
constexpr std::size_t out_bytes_max = 256 << 10;
// As many as a group's window in a partition holds (the broker's bound on what is settled beyond an open event): those
// past the end, which nobody settles, must not keep the ones before it away.
constexpr std::size_t window_max = 10'000;

}  // namespace

Tailing::Tailing(Broker& broker, const Common& common, const TailArguments& arguments)
    : broker_(broker),
      common_(common),
      arguments_(arguments),
      topic_(named(common, arguments.topic)),
      group_(arguments.group.empty() ? "" : named(common, arguments.group)),
      left_(arguments.count.value_or(std::numeric_limits<std::uint64_t>::max())) {}

Result<Start> Tailing::start() const {
  if (!arguments_.from.empty()) return parse_place(arguments_.from);
  return group_.empty() ? Start::latest() : Start::earliest();
}

/// Whether `--from` says nothing, because the group stands somewhere.
Result<bool> Tailing::has_position() {
  auto groups = broker_.groups(topic_);
  if (!groups) return groups.error();
  return std::ranges::any_of(*groups, [&](const GroupInfo& group) { return group.group == group_; });
}

Result<> Tailing::run() {
  ConsumerOptions options;
  options.group = group_;
  options.create_topic = false;
  auto from = start();
  if (!from) return from.error();
  options.start = *from;
  auto info = broker_.topic(topic_);
  while (!info && info.error().code == "unknown_topic" && arguments_.waits) {
    if (await(-1, 0, wait_every) == Awaited::interrupted) return Error{"interrupted", "ended by a signal"};
    if (arguments_.from.empty()) from = options.start = Start::earliest();
    info = broker_.topic(topic_);
  }
  if (!info) return info.error();
  for (const auto& partition : info->partitions) {
    const auto end = partition.end.value;
    ends_.push_back(end);
    const auto* const offset = std::get_if<Offset>(&from->at);
    const bool begins_at_end = std::holds_alternative<Start::Latest>(from->at) || (offset && offset->value >= end);
    reached_.push_back(end == partition.earliest.value || (group_.empty() && begins_at_end));
  }
  options.in_flight_max = arguments_.follow ? fetch_max : window_max * ends_.size() + fetch_max;
  if (!group_.empty() && !arguments_.from.empty() && ::isatty(STDERR_FILENO) != 0) {
    auto has = has_position();
    if (!has) return has.error();
    if (*has)
      complain("group " + arguments_.group + " goes on where it stands; --from is for groups without a position");
  }
  auto consumer = broker_.subscribe(topic_, options);
  if (!consumer) return consumer.error();
  auto ended = pull(**consumer);
  auto closed = (*consumer)->close({});
  return ended ? closed : ended;
}

Result<> Tailing::pull(Consumer& consumer) {
  while (left_ > 0 && caught_signal() == 0) {
    if (!arguments_.follow && group_.empty() && std::ranges::all_of(reached_, std::identity{})) return {};
    auto got = consumer.fetch(std::min<std::uint64_t>(fetch_max, left_), arguments_.follow ? 200ms : look_every);
    if (!got) return got.error();
    quiet_ = got->empty() ? quiet_ + 1 : 0;
    const auto left = left_;
    if (auto shown = show(consumer, *got); !shown) return shown;
    fruitless_ = left != left_ ? 0 : fruitless_ + (got->empty() ? 0 : 1);
    if (arguments_.follow && got->empty() && is_output_closed())
      return Error{"closed_pipe", "nobody reads the output any more"};
    if (arguments_.follow || (left != left_ && !std::ranges::all_of(reached_, std::identity{}))) continue;
    auto at_end = is_at_end(!got->empty());
    if (!at_end) return at_end.error();
    if (*at_end) return {};
  }
  return {};
}

Result<> Tailing::show(Consumer& consumer, const std::vector<Delivery>& deliveries) {
  std::string out;
  std::vector<DeliveryId> printed;
  for (const auto& delivery : deliveries) {
    const auto partition = delivery.id.partition.value;
    // Within a partition they come in order: what stands at the end or past it says that all before it was given out.
    if (delivery.id.offset.value + 1 >= ends_[partition]) reached_[partition] = true;
    if (!arguments_.follow && delivery.id.offset.value >= ends_[partition]) continue;
    Envelope kept;
    const auto shown = common_.showing.of(delivery.envelope, kept);
    out += common_.json
               ? harmless_json(to_cloud_event_json(shown, CloudEventPlace{delivery.id.partition, delivery.id.offset})) +
                     "\n"
               : text_.line(delivery.id, shown);
    printed.push_back(delivery.id);
    if (out.size() >= out_bytes_max)
      if (auto flushed = flush(consumer, out, printed); !flushed) return flushed;
  }
  return flush(consumer, out, printed);
}

Result<> Tailing::flush(Consumer& consumer, std::string& out, std::vector<DeliveryId>& printed) {
  if (printed.empty()) return {};
  if (auto written = write_out(out); !written) return written;
  // Printed first, settled then: what a kill loses in between is printed again. A partition that has gone to another
  // member meanwhile is printed there, too.
  if (auto settled = consumer.settle(printed); !settled && settled.error().code != "not_owner") return settled;
  left_ -= printed.size();
  out.clear();
  printed.clear();
  return {};
}

Result<bool> Tailing::is_at_end(bool fetched_any) {
  // Other members may still have events from before the end in their hands, and leave them to this one.
  if (!group_.empty()) return group_is_at_end();
  // A reader that gets nothing for a while is at the end, since offsets may have gaps there; so is one that gets
  // nothing but news, each partition having had its turn. A while, since what comes over a network comes in bursts.
  return (!fetched_any && quiet_ * look_every >= quiet_max) || (fetched_any && fruitless_ > 2 * ends_.size());
}

Result<bool> Tailing::group_is_at_end() {
  auto groups = broker_.groups(topic_);
  if (!groups) return groups.error();
  for (const auto& group : *groups)
    if (group.group == group_)
      for (const auto& one : group.partitions)
        if (one.position.value < ends_[one.partition.value]) return false;
  return true;
}

}  // namespace tidings::cli
