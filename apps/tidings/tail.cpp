#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/cloud_events.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t fetch_max = 1000;

/// One event a line, for people: time, partition/offset, type, key, payload.
class TextForm {
 public:
  TextForm() : coloured_(::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr) {}

  [[nodiscard]] std::string line(const Delivery& delivery) const {
    const auto& event = delivery.envelope;
    const auto when = to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(event.time));
    const auto place = std::to_string(delivery.id.partition.value) + "/" + std::to_string(delivery.id.offset.value);
    return paint("2", when) + "  " + paint("2", place) + "  " + paint("36", printable(event.type)) + "  " +
           paint("33", event.key.empty() ? "-" : printable(event.key)) + "  " + printable(event.payload) + "\n";
  }

 private:
  [[nodiscard]] std::string paint(const char* colour, const std::string& text) const {
    return coloured_ ? std::string("\x1b[") + colour + "m" + text + "\x1b[0m" : text;
  }
  bool coloured_;
};

class Tailing {
 public:
  Tailing(Broker& broker, const Common& common, const TailArguments& arguments)
      : broker_(broker), common_(common), arguments_(arguments), topic_(named(common, arguments.topic)) {}

  Result<> run() {
    auto info = broker_.topic(topic_);
    if (!info) return info.error();
    ends_.resize(info->partitions.size());
    for (const auto& partition : info->partitions) ends_[partition.partition.value] = partition.end.value;
    ConsumerOptions options;
    options.create_topic = false;
    options.in_flight_max = fetch_max;
    if (!arguments_.group.empty()) options.group = named(common_, arguments_.group);
    auto start = parse_start(!arguments_.from.empty()   ? arguments_.from
                             : arguments_.group.empty() ? "latest"
                                                        : "earliest");
    if (!start) return start.error();
    options.start = *start;
    auto consumer = broker_.subscribe(topic_, options);
    if (!consumer) return consumer.error();
    auto ended = pull(**consumer);
    auto closed = (*consumer)->close(1s);
    return ended ? closed : ended;
  }

 private:
  Result<> pull(Consumer& consumer) {
    std::uint64_t left = arguments_.count.value_or(~std::uint64_t{0});
    if (!arguments_.follow && all_reached()) return {};
    while (left > 0 && caught_signal() == 0) {
      auto got = consumer.fetch(std::min<std::uint64_t>(fetch_max, left), arguments_.follow ? 200ms : 50ms);
      if (!got) return got.error();
      if (!arguments_.follow && got->empty()) {
        auto at_end = group_is_at_end();
        if (!at_end) return at_end.error();
        if (*at_end) return {};
      }
      std::string out;
      std::vector<DeliveryId> printed;
      for (const auto& delivery : *got) {
        auto& end = ends_[delivery.id.partition.value];
        if (!arguments_.follow && delivery.id.offset.value >= end) continue;  // came after the start: not ours to print
        out += common_.json ? to_cloud_event_json(delivery.envelope,
                                                  CloudEventPlace{delivery.id.partition, delivery.id.offset}) +
                                  "\n"
                            : text_.line(delivery);
        printed.push_back(delivery.id);
        if (!arguments_.follow && delivery.id.offset.value + 1 == end) reached_.push_back(delivery.id.partition.value);
      }
      if (printed.empty()) {
        if (!arguments_.follow && !got->empty()) return {};
        continue;
      }
      if (auto written = write_out(out); !written) return written;
      // Printed first, settled then: what a kill loses in between is printed again.
      if (auto settled = consumer.settle(printed); !settled && settled.error().code != "not_owner") return settled;
      left -= printed.size();
      if (!arguments_.follow && all_reached()) return {};
    }
    return {};
  }

  /// Whether everything before the ends was printed here.
  [[nodiscard]] bool all_reached() const {
    for (std::uint32_t i = 0; i < ends_.size(); ++i)
      if (ends_[i] != 0 && std::ranges::find(reached_, i) == reached_.end()) return false;
    return true;
  }

  /// A reader that gets nothing is at the end. A group may have other members, which still work at theirs.
  Result<bool> group_is_at_end() {
    if (arguments_.group.empty()) return true;
    auto groups = broker_.groups(topic_);
    if (!groups) return groups.error();
    for (const auto& group : *groups)
      if (group.group == named(common_, arguments_.group))
        for (const auto& one : group.partitions)
          if (one.position.value < ends_[one.partition.value]) return false;
    return true;
  }

  Broker& broker_;
  const Common& common_;
  const TailArguments& arguments_;
  std::string topic_;
  TextForm text_;
  std::vector<std::uint64_t> ends_;
  std::vector<std::uint32_t> reached_;
};

}  // namespace

int tail(const Common& common, const TailArguments& arguments) {
  catch_signals();
  auto broker = open(common, false);
  if (!broker) {
    complain(broker.error());
    return failed;
  }
  auto ended = Tailing(**broker, common, arguments).run();
  if (!ended && ended.error().code != "closed_pipe") {
    complain(ended.error());
    return failed;
  }
  return status_after_signals(done);
}

}  // namespace tidings::cli
