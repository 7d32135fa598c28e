#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/dead_book.hpp"
#include "service/host.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::service {

/// The book of a partition of a topic; null where nobody wants it.
using FindBook = std::function<Book*(std::string_view topic, std::uint32_t partition)>;

/// Gives what stands in the journal of a group to the book that it belongs to. False: a stranger wrote it, another
/// service than the group's, or it cannot be read; it is passed over. Whoever may write to the topic and means harm can
/// make himself look like the service: see docs/brokers.md, "Who may write where".
[[nodiscard]] bool read_entry(const Delivery& entry, std::string_view group, const FindBook& find);

/// Gives every event of a topic's partitions to `visit`, from the offset `from` on, up to `ends`, one for each
/// partition. `goes_on` is asked now and then. Errors: the broker's, `interrupted` (same call) where it does not,
/// `timeout` (same call) where nothing comes for long.
Result<> read_through(Broker& broker, const std::string& topic, std::uint64_t from, std::span<const std::uint64_t> ends,
                      const std::function<void(const Delivery&)>& visit, const std::function<bool()>& goes_on);

/// A group's topic of dead letters. A partition's letters and all that is told of them stand in the partition of the
/// same number, or, where there are fewer of those (a handler of several topics has one topic of dead letters, as the
/// first that needed it has it), in that number modulo theirs. Thread-safe.
class DeadTopic {
 public:
  /// `broker`: where it is, if not at the host's.
  DeadTopic(Host& host, std::string group, Broker* broker = nullptr)
      : host_(host), group_(std::move(group)), name_(dead_letters_of(group_)), broker_(broker) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  /// How many partitions it has; 0: it is not there.
  Result<std::uint32_t> partitions();
  /// Creates it, so that it takes the events of all of these, as durably.
  Result<std::uint32_t> create(std::span<const std::string> origins);
  /// `event` of ours as an envelope.
  template <class Event>
  Result<Envelope> envelope(const Event& event) const {
    return make_envelope(event, {.source = host_.service, .clock = host_.clock, .entropy = host_.entropy});
  }
  /// `apart` as in `PublishOptions`.
  Result<std::vector<Published>> publish(std::uint32_t partition, std::span<const EnvelopeView> events,
                                         std::span<const std::string> apart = {});

  /// Begins a hold on each of the partitions, `books` by their side, which are new, and reads what is parked of them.
  /// From then on nothing that an earlier owner writes counts. A book without a hold: there is no topic yet.
  Result<> take_over(const std::string& topic, std::span<const std::uint32_t> partitions, std::span<Book* const> books,
                     const std::function<bool()>& goes_on);

 private:
  [[nodiscard]] Broker& broker() const { return broker_ != nullptr ? *broker_ : *host_.broker; }

  void warn_if_small(std::string_view origin, std::size_t needed);

  Host& host_;
  const std::string group_;
  const std::string name_;
  Broker* const broker_;
  std::mutex mutex_;
  std::uint32_t partitions_ = 0;
  bool is_checked_ = false;  // that it takes what is to be parked
};

}  // namespace tidings::service
