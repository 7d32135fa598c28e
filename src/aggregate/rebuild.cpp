#include "tidings/aggregate/rebuild.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <vector>

#include "tidings/base/clock.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/sealer.hpp"

namespace tidings::aggregate::detail {

namespace {

/// How many batches the last transaction, for which handlers wait, takes at most before it lets them go on once more.
constexpr int batches_at_the_switch = 4;

class Rebuilding {
 public:
  Rebuilding(Store& store, Broker& broker, Projecting& projection, const ApplyEvent& apply,
             const RebuildOptions& options)
      : store_(store),
        broker_(broker),
        projection_(projection),
        apply_(apply),
        options_(options),
        topic_((options.name_space.empty() ? "" : options.name_space + ".") +
               (options.topic.empty() ? projection.topic() : options.topic)) {}

  Result<Rebuilt> run() {
    if (auto begun = begin(); !begun) return begun.error();
    std::vector<Offset> from;
    for (const auto next : next_) from.push_back(Offset{next});
    auto reader = broker_.subscribe(topic_, {.group = {}, .start = Start::each(from), .create_topic = false});
    if (!reader) return reader.error();
    reader_ = std::move(*reader);
    bool serves = false;
    while (!serves) {
      if (options_.stop.stop_requested())
        return Error{"stopped", "the rebuild was stopped; another call goes on with it", Retry::same_call};
      auto more = to_come();
      if (!more) return more.error();
      auto done = *more > options_.batch_max ? catch_up() : switch_over(serves);
      if (!done) return done.error();
      if (options_.progress) options_.progress({.events = events_, .to_come = serves ? 0 : to_come_});
    }
    if (auto gone = clean_up(); !gone) return gone.error();
    return Rebuilt{.generation = generation_, .events = events_};
  }

 private:
  static Error busy(const std::string& name) {
    return {"busy", "another process rebuilds projection " + name + ", or has just done so", Retry::same_call};
  }

  /// Keys have moved between partitions then: what is built has no order that a new partition could be put into.
  [[nodiscard]] Error more_partitions() const {
    return {"more_partitions", "topic " + topic_ + " has more partitions than when the rebuild began; begin it anew"};
  }

  /// Goes on with what an earlier call has begun, or makes the next generation.
  Result<> begin() {
    const auto info = broker_.topic(topic_);
    if (!info) return info.error();
    auto tx = store_.begin(options_.wait_max);
    if (!tx) return tx.error();
    const auto serving = projection_.lock(**tx, true);
    if (!serving) return serving.error();
    const auto all = projection_.generations(**tx);
    if (!all) return all.error();
    next_.assign(info->partitions.size(), 0);
    auto last = *serving;
    for (const auto& one : *all) {
      last = std::max(last, one.generation);
      if (one.generation <= *serving) continue;
      if (!options_.anew && generation_ == 0 && one.version == projection_.options().version) {
        generation_ = one.generation;
      } else if (auto gone = projection_.drop(**tx, one); !gone) {
        return gone;
      }
    }
    if (generation_ != 0) {
      if (auto read = read_positions(**tx); !read) return read;
      if (next_.size() < info->partitions.size()) return more_partitions();
    } else {
      generation_ = last + 1;
      if (auto made = projection_.make(**tx, generation_); !made) return made;
      if (auto put = put_positions(**tx, *info); !put) return put;
    }
    return (*tx)->commit();
  }

  Result<> put_positions(Transaction& tx, const TopicInfo& info) {
    for (const auto& one : info.partitions) {
      if (one.earliest.value > 0 && !options_.from_earliest_kept)
        return Error{"history_gone", "partition " + std::to_string(one.partition.value) + " of topic " + topic_ +
                                         " begins with offset " + std::to_string(one.earliest.value) +
                                         ", and what was before it is gone; from_earliest_kept makes the projection of "
                                         "what there is"};
      next_.at(one.partition.value) = one.earliest.value;
      const auto put = tx.execute(
          "insert into " + projection_.of_positions + "(name, generation, part, next_offset) values ($1, $2, $3, $4)",
          projection_.name(), generation_, one.partition.value, one.earliest.value);
      if (!put) return put.error();
    }
    return {};
  }

  Result<> read_positions(Transaction& tx) {
    struct Position {
      std::uint32_t part = 0;
      std::uint64_t next_offset = 0;
    };
    const auto all = tx.query<Position>(
        "select part, next_offset from " + projection_.of_positions + " where name = $1 and generation = $2",
        projection_.name(), generation_);
    if (!all) return all.error();
    next_.clear();
    for (const auto& one : *all) {
      if (one.part >= next_.size()) next_.resize(one.part + 1, 0);
      next_[one.part] = one.next_offset;
    }
    return {};
  }

  /// Behind what was given there may be offsets that hold no event, up to where the broker says that it has looked.
  [[nodiscard]] std::uint64_t read_to(Partition partition) const {
    const auto next = next_.at(partition.value);
    const auto looked = reader_->read_to(partition);
    return looked ? std::max(next, looked->value) : next;
  }

  /// How many events there are still, by the ends of the topic.
  Result<std::uint64_t> to_come() {
    const auto info = broker_.topic(topic_);
    if (!info) return info.error();
    if (next_.size() < info->partitions.size()) return more_partitions();
    to_come_ = 0;
    for (const auto& one : info->partitions)
      if (const auto next = read_to(one.partition); next < one.end.value) to_come_ += one.end.value - next;
    return to_come_;
  }

  /// A batch in a transaction of its own, beside which handlers go on.
  Result<> catch_up() {
    auto got = fetch();
    if (!got) return got.error();
    auto tx = store_.begin(options_.wait_max);
    if (!tx) return tx.error();
    if (auto applied = apply(**tx, *got); !applied) return applied;
    return (*tx)->commit();
  }

  /// Nobody writes to the projection meanwhile: what has come by now is in it, and then it serves. Where too much has
  /// come, that is kept, and the next attempt has less.
  Result<> switch_over(bool& serves) {
    auto tx = store_.begin(options_.wait_max);
    if (!tx) return tx.error();
    const auto before = projection_.lock(**tx, true);
    if (!before) return before.error();
    if (*before >= generation_) return busy(projection_.name());
    for (int batch = 0;; ++batch) {
      auto more = to_come();
      if (!more) return more.error();
      if (*more == 0) break;
      if (batch == batches_at_the_switch) return (*tx)->commit();
      auto got = fetch();
      if (!got) return got.error();
      if (auto applied = apply(**tx, *got); !applied) return applied;
    }
    const auto all = projection_.generations(**tx);
    if (!all) return all.error();
    const auto old = std::ranges::find(*all, *before, &Projecting::Generation::generation);
    if (old == all->end() || std::ranges::find(*all, generation_, &Projecting::Generation::generation) == all->end())
      return busy(projection_.name());
    if (auto shown = projection_.show(**tx, *old, generation_); !shown) return shown;
    const auto set = (*tx)->execute("update " + projection_.of_all + " set generation = $2 where name = $1",
                                    projection_.name(), generation_);
    if (!set) return set.error();
    auto done = (*tx)->commit();
    serves = done.has_value();
    return done;
  }

  /// Drops what served before.
  Result<> clean_up() {
    auto tx = store_.begin(options_.wait_max);
    if (!tx) return tx.error();
    const auto serving = projection_.lock(**tx, true);
    if (!serving) return serving.error();
    const auto all = projection_.generations(**tx);
    if (!all) return all.error();
    for (const auto& one : *all)
      if (one.generation < *serving)
        if (auto gone = projection_.drop(**tx, one); !gone) return gone;
    return (*tx)->commit();
  }

  /// None: the topic has come to its end without one.
  Result<std::vector<Delivery>> fetch() {
    const auto until = std::chrono::steady_clock::now() + options_.quiet_max;
    while (true) {
      auto got = reader_->fetch(options_.batch_max, std::chrono::milliseconds{200});
      if (!got || !got->empty()) return got;
      if (options_.stop.stop_requested())
        return Error{"stopped", "the rebuild was stopped; another call goes on with it", Retry::same_call};
      const auto more = to_come();
      if (!more) return more.error();
      if (*more == 0) return std::vector<Delivery>{};
      if (std::chrono::steady_clock::now() > until)
        return Error{"stalled",
                     "topic " + topic_ + " has " + std::to_string(to_come_) +
                         " more offsets before its end, and gives no event of them",
                     Retry::same_call};
    }
  }

  /// The positions first, so that of two processes the second waits here, and is told.
  Result<> apply(Transaction& tx, const std::vector<Delivery>& got) {
    auto next = next_;
    for (const auto& one : got) {
      auto& at = next.at(one.id.partition.value);
      at = std::max(at, one.id.offset.value + 1);
    }
    for (std::size_t part = 0; part < next.size(); ++part) {
      if (next[part] == next_[part]) continue;
      const auto moved = tx.execute("update " + projection_.of_positions +
                                        " set next_offset = $5 where name = $1 and generation = $2 and part = $3 and "
                                        "next_offset = $4",
                                    projection_.name(), generation_, part, next_[part], next[part]);
      if (!moved) return moved.error().code == "conflict" ? busy(projection_.name()) : moved.error();
      if (*moved == 0) return busy(projection_.name());
    }
    if (!got.empty()) {  // for who looks whether it goes on
      const auto told =
          tx.execute("update " + projection_.of_generations + " set built_at = $3 where name = $1 and generation = $2",
                     projection_.name(), generation_, now_ns());
      if (!told) return told.error();
    }
    ReadModel model(tx, projection_.options(), generation_);
    for (const auto& one : got) {
      if (one.id.offset.value < next_[one.id.partition.value]) continue;
      ++events_;
      if (!projection_.takes(one.envelope.type)) continue;
      if (auto applied = apply_one(one, model); !applied) return applied;
    }
    next_ = std::move(next);
    return {};
  }

  [[nodiscard]] static std::int64_t now_ns() {
    return std::chrono::nanoseconds(system_clock().now().time_since_epoch()).count();
  }

  [[nodiscard]] std::string place_of(const Delivery& one) const {
    return "event " + printable(one.envelope.id) + " (" + printable(one.envelope.type) + ") at partition " +
           std::to_string(one.id.partition.value) + ", offset " + std::to_string(one.id.offset.value) + " of " + topic_;
  }

  Result<> apply_one(const Delivery& one, ReadModel& model) {
    Result<> done;
    auto envelope = one.envelope;
    std::string payload;
    if (options_.payload) {
      auto had = options_.payload(envelope);
      if (!had)
        return Error{"bad_payload", "the payload of " + place_of(one) + " cannot be had: " + to_string(had.error()),
                     had.error().retry};
      payload = std::move(*had);
      if (is_sealed(envelope))
        envelope = opened_view(envelope, payload);
      else
        envelope.payload = payload;
    }
    try {
      done = apply_(envelope, model);
    } catch (const std::exception& thrown) {
      done = Error{"handler_threw", thrown.what()};
    }
    if (done || done.error().retry != Retry::never) return done;
    return Error{"bad_event", place_of(one) + " cannot be applied: " + to_string(done.error())};
  }

  Store& store_;
  Broker& broker_;
  Projecting& projection_;
  const ApplyEvent& apply_;
  const RebuildOptions& options_;
  const std::string topic_;
  std::unique_ptr<Consumer> reader_;
  std::int64_t generation_ = 0;
  std::vector<std::uint64_t> next_;  // by partition
  std::uint64_t to_come_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace

Result<Rebuilt> rebuild(Store& store, Broker& broker, Projecting& projection, const ApplyEvent& apply,
                        const RebuildOptions& options) {
  return Rebuilding(store, broker, projection, apply, options).run();
}

}  // namespace tidings::aggregate::detail
