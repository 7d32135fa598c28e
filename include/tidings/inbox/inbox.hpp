#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/clock.hpp"
#include "tidings/base/strong.hpp"
#include "tidings/base/time.hpp"
#include "tidings/store/store.hpp"

/// Effects once: what a consumer has handled stands in the same database as what it did, and in the same transaction.
/// The pattern is the "idempotent receiver" (Hohpe, Woolf, Enterprise Integration Patterns, 2003).
namespace tidings::inbox {

struct InboxOptions {
  /// So long a mark is kept at least: what comes again within that time is known.
  Duration window = std::chrono::days{7};
  std::string prefix = "tidings_";  ///< of the tables' names, `[a-z_][a-z0-9_]*`; of PostgreSQL also `schema.tidings_`
  Clock* clock = &system_clock();   ///< outlives the inbox
};

/// A delivery that is to be handled.
struct Arrival {
  std::string_view message_id;
  std::string_view source{};  ///< an event is known by both, as CloudEvents says
  Partition partition{};
  Offset offset{};
  TimePoint appended{};  ///< when the broker got it
};

/// The marks of one consumer on one topic. Thread-safe.
class Inbox {
 public:
  /// Makes the tables where they are missing. `consumer` and `topic` are as the broker calls them. Errors:
  /// `invalid_name`, `invalid_options` (never), those of `Store::begin` and of statements.
  static Result<Inbox> open(Store& store, std::string_view consumer, std::string_view topic,
                            const InboxOptions& options = {}, Duration wait_max = std::chrono::seconds{30});

  /// One that a consumer has opened, for who looks after it from outside: makes nothing, and has the consumer's window.
  /// Errors: `unknown_inbox` (never), those of `Store::begin` and of statements.
  static Result<Inbox> find(Store& store, std::string_view consumer, std::string_view topic,
                            const InboxOptions& options = {}, Duration wait_max = std::chrono::seconds{30});

  /// True: it is the first time, and this is marked within `tx`. False: what it did has been committed before; there is
  /// nothing left to do. Two transactions at once on one id: the second waits until the first has ended.
  ///
  /// Errors: `beyond_inbox_window` (never): it is older than the window, comes from where marks were cleaned up, and so
  /// may have been handled; those of statements.
  Result<bool> mark(Transaction& tx, const Arrival& arrival);
  /// The same for many, in their order: a database over a network is asked a few times for all of them.
  Result<std::vector<bool>> mark(Transaction& tx, std::span<const Arrival> arrivals);

  /// Takes a mark of this transaction back.
  Result<> unmark(Transaction& tx, const Arrival& arrival) const;

  struct Cleaned {
    std::size_t marks = 0;
    bool is_done = true;  ///< no older ones are left
  };
  /// Removes marks that are older than the window, in one short transaction that looks at `most` marks at most. To be
  /// called now and then, and again until it is done. Errors: those of `Store::begin` and of statements.
  Result<Cleaned> clean_up(Store& store, std::size_t most = 1'000, Duration wait_max = std::chrono::seconds{5});

  /// What stands before that in the partition, and is older than the window, is refused by `mark`: marks there have
  /// been cleaned up. Nothing: none have been.
  Result<std::optional<Offset>> cleaned_before(Transaction& tx, Partition partition) const;

  /// Forgets what of the partition stands at `from` or after it, so that it may be handled again: for who wants the
  /// effects once more. How many marks there were.
  Result<std::uint64_t> forget(Transaction& tx, Partition partition, Offset from);

  /// When what it did was marked; none: it is not marked, or not any more. Error: those of statements.
  Result<std::optional<TimePoint>> marked_at(Transaction& tx, const Arrival& arrival) const;

  [[nodiscard]] Duration window() const { return window_; }

 private:
  static constexpr std::size_t many = 32;
  Result<std::vector<bool>> mark_many(Transaction& tx, std::span<const Arrival> arrivals);

  Inbox(std::int64_t consumer, SqlDialect dialect, const InboxOptions& options);

  Result<> refuse_if_forgotten(Transaction& tx, const Arrival& arrival) const;

  std::int64_t consumer_;
  SqlDialect dialect_;
  Duration window_;
  Clock* clock_;
  std::string marks_;
  std::string ends_;
  std::string mark_sql_;
  std::string mark_many_sql_;  // `many` of them
  std::unique_ptr<std::mutex> cleaning_ = std::make_unique<std::mutex>();
  std::int64_t cleaned_to_ = 0;  // the mark
};

/// What all consumers' marks in a database take, for who looks after it from outside.
struct InboxStatus {
  std::uint64_t marks = 0;
  bool is_exact = true;  ///< else there are more than that
  std::uint64_t consumers = 0;
  std::optional<TimePoint> oldest;  ///< when the first of those that are kept was made
};
/// Counts to `most` at most, so that it costs no more than that. Errors: `no_inbox` (never), those of `Store::begin`
/// and of statements.
[[nodiscard]] Result<InboxStatus> status(Store& store, std::uint64_t most = 100'000,
                                         const std::string& prefix = "tidings_",
                                         Duration wait_max = std::chrono::seconds{10});

}  // namespace tidings::inbox
