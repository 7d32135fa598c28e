#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tidings/testing/store_fixture.hpp"

namespace tidings::testing {

/// What is wrong with a store.
enum class StoreFault {
  none,
  // Values.
  rounds_integers,
  makes_the_empty_null,
  cuts_text_at_a_nul,
  cuts_large_values,
  swaps_parameters,
  counts_wrong,
  spoils_a_transaction_that_reads_wrongly,
  // Statements.
  calls_a_constraint_a_mistake,
  overlooks_mistakes,
  goes_on_after_a_failure,
  keeps_its_turn_after_a_failure,
  keeps_old_columns,
  wears_out,
  // Transactions.
  loses_a_commit,
  commits_a_rollback,
  commits_what_nobody_ended,
  commits_each_statement,
  goes_on_after_its_end,
  takes_all_back_to_a_savepoint,
  takes_nothing_back_to_a_savepoint,
  stays_failed_after_a_savepoint,
  keeps_the_first_savepoint,
  loses_updates,
  acknowledges_before_it_commits,
  // Turns.
  serves_the_last_first,
  starves_others,
  does_not_wait,
  allows_more_at_once,
  does_not_wait_to_close,
  begins_after_close,
  calls_closed_busy,
  leaks,
  // Outages.
  calls_a_conflict_final,
  calls_the_unknown_a_failure,
  calls_a_failure_unknown,
  calls_a_commit_a_failure,
  stays_disconnected,
};

using Views = std::span<const SqlView>;

/// What the transactions of one faulty store share.
struct FaultyShared {
  explicit FaultyShared(StoreFault what, std::unique_ptr<Store> store) : fault(what), good(std::move(store)) {}

  const StoreFault fault;
  std::unique_ptr<OpenTransaction> pending;  // goes before its store
  std::unique_ptr<Store> good;
  std::vector<std::unique_ptr<OpenTransaction>> kept;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> waiting;  // tickets
  int tickets = 0;
  bool is_taken = false;
  bool is_disconnected = false;
  std::atomic<int> statements = 0;
  std::atomic<int> commits = 0;
  std::map<std::string, std::vector<std::string>> columns;  // as they were first seen

  ~FaultyShared() {
    if (pending) (void)pending->commit();
    pending.reset();
    kept.clear();
  }
};

/// Values as one of the faults spoils them.
class Spoiled {
 public:
  Spoiled(StoreFault fault, Views views) : views_(views.begin(), views.end()) {
    if (fault == StoreFault::swaps_parameters) std::ranges::reverse(views_);
    for (auto& view : views_) spoil(fault, view);
  }
  [[nodiscard]] Views views() const { return views_; }

 private:
  static void spoil(StoreFault fault, SqlView& view) {
    constexpr std::size_t large = 1 << 20;
    auto* const whole = std::get_if<std::int64_t>(&view);
    auto* const text = std::get_if<std::string_view>(&view);
    const auto* const bytes = std::get_if<std::span<const std::byte>>(&view);
    constexpr auto rounded_from = std::int64_t{1} << 53;
    if (fault == StoreFault::rounds_integers && whole != nullptr && *whole == rounded_from + 1) view = rounded_from;
    if (text == nullptr) {
      if (fault == StoreFault::makes_the_empty_null && bytes != nullptr && bytes->empty()) view = SqlView{};
      return;
    }
    if (fault == StoreFault::cuts_text_at_a_nul) *text = text->substr(0, text->find('\0'));
    if (fault == StoreFault::cuts_large_values) *text = text->substr(0, large);
  }

  std::vector<SqlView> views_;
};

/// Gives the columns that a statement had when it was first seen.
class OldColumns final : public tidings::detail::RowSink {
 public:
  OldColumns(tidings::detail::RowSink& rows, std::vector<std::string>& seen) : rows_(rows), seen_(seen) {}
  Result<> columns(std::span<const std::string> names) override {
    if (seen_.empty()) seen_.assign(names.begin(), names.end());
    return rows_.columns(seen_);
  }
  Result<> row(Views cells) override { return rows_.row(cells.subspan(0, std::min(cells.size(), seen_.size()))); }

 private:
  tidings::detail::RowSink& rows_;
  std::vector<std::string>& seen_;
};

class FaultyTransaction final : public OpenTransaction {
 public:
  FaultyTransaction(std::shared_ptr<FaultyShared> shared, std::unique_ptr<OpenTransaction> good)
      : shared_(std::move(shared)), good_(std::move(good)) {}
  ~FaultyTransaction() override {
    if (is(StoreFault::commits_what_nobody_ended) && !has_failed_) (void)good_->commit();
    if (is(StoreFault::keeps_its_turn_after_a_failure) && has_failed_) shared_->kept.push_back(std::move(good_));
    if (is(StoreFault::acknowledges_before_it_commits)) shared_->pending = std::move(good_);
    good_.reset();
    const std::scoped_lock lock(shared_->mutex);
    shared_->is_taken = false;
    shared_->changed.notify_all();
  }

  Result<> commit() override {
    ++shared_->commits;
    if (is(StoreFault::acknowledges_before_it_commits)) return {};
    if (is(StoreFault::loses_a_commit)) {
      good_->roll_back();
      return {};
    }
    auto done = good_->commit();
    if (is(StoreFault::goes_on_after_its_end) && done) begin_again();
    if (is(StoreFault::calls_a_commit_a_failure) && done && shared_->commits % 10 == 7)
      return Error{"unavailable", "the connection is gone", Retry::same_call};
    if (!done) spoil(done.error());
    return done;
  }
  void roll_back() override {
    if (is(StoreFault::commits_a_rollback))
      (void)good_->commit();
    else
      good_->roll_back();
  }
  Result<> save() override {
    if (is(StoreFault::keeps_the_first_savepoint) && std::exchange(is_saved_, true)) return {};
    is_saved_ = true;
    return good_->save();
  }
  Result<> roll_back_to_saved() override {
    if (is(StoreFault::takes_nothing_back_to_a_savepoint) && is_saved_) return {};
    if (is(StoreFault::stays_failed_after_a_savepoint) && has_failed_)
      return Error{"transaction_failed", "a statement failed"};
    if (is(StoreFault::takes_all_back_to_a_savepoint) && is_saved_) {
      good_->roll_back();
      begin_again();
      return good_->save();
    }
    return good_->roll_back_to_saved();
  }

 private:
  [[nodiscard]] bool is(StoreFault fault) const { return shared_->fault == fault; }
  void begin_again() {
    good_.reset();
    if (auto more = shared_->good->begin(std::chrono::seconds{30})) good_ = std::move(*more);
  }
  void spoil(Error& why) const {
    if (is(StoreFault::calls_a_conflict_final) && why.code == "conflict") why.retry = Retry::never;
    if (is(StoreFault::calls_the_unknown_a_failure) && why.code == "outcome_unknown") why.code = "unavailable";
    if (is(StoreFault::calls_a_failure_unknown) && why.code == "unavailable") why.code = "outcome_unknown";
    if (is(StoreFault::calls_a_constraint_a_mistake) && why.code == "constraint") why.code = "sql_error";
    if (is(StoreFault::stays_disconnected) && why.code == "unavailable") shared_->is_disconnected = true;
  }

  Result<std::uint64_t> run_statement(std::string_view sql, Views parameters) override {
    if (is(StoreFault::wears_out) && ++shared_->statements > 200) return 1;
    if (is(StoreFault::loses_updates) && std::exchange(has_read_, false)) {  // what it read is another transaction's
      (void)good_->commit();
      begin_again();
    }
    const Spoiled values(shared_->fault, parameters);
    const bool saves = is(StoreFault::goes_on_after_a_failure) && good_->save();
    auto done = good_->execute_views(sql, values.views());
    if (!done) has_failed_ = true;
    if (!done && saves) (void)good_->roll_back_to_saved();
    if (!done && is(StoreFault::overlooks_mistakes) && done.error().code == "sql_error") return 0;
    if (is(StoreFault::counts_wrong) && done) return *done + 1;
    if (is(StoreFault::commits_each_statement) && done) {
      (void)good_->commit();
      begin_again();
    }
    if (!done) spoil(done.error());
    return done;
  }
  Result<> run_query(std::string_view sql, Views parameters, tidings::detail::RowSink& rows) override {
    has_read_ = true;
    const Spoiled values(shared_->fault, parameters);
    if (is(StoreFault::keeps_old_columns)) {
      OldColumns old(rows, shared_->columns[std::string(sql)]);
      return good_->query_views(sql, values.views(), old);
    }
    auto done = good_->query_views(sql, values.views(), rows);
    if (!done) spoil(done.error());
    if (!done && is(StoreFault::spoils_a_transaction_that_reads_wrongly)) good_->roll_back();
    return done;
  }
  [[nodiscard]] void* native_handle(std::string_view) override { return nullptr; }

  std::shared_ptr<FaultyShared> shared_;
  std::unique_ptr<OpenTransaction> good_;
  bool has_failed_ = false;
  bool has_read_ = false;
  bool is_saved_ = false;
};

class FaultyStore final : public Store {
 public:
  FaultyStore(std::unique_ptr<Store> good, StoreFault fault)
      : shared_(std::make_shared<FaultyShared>(fault, std::move(good))) {
    if (is(StoreFault::leaks)) FaultyStore::leaked.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

  inline static std::vector<int> leaked;  ///< what one that leaks has left

  [[nodiscard]] SqlDialect dialect() const override { return shared_->good->dialect(); }
  Result<std::unique_ptr<OpenTransaction>> begin(Duration wait_max) override {
    auto& shared = *shared_;
    if (shared.is_disconnected) return Error{"closed", "the connection is gone", Retry::reopen};
    if (shared.pending) return made(std::move(shared.pending));
    if (is(StoreFault::begins_after_close) && is_closed_) {
      struct Never final : OpenTransaction {
        Result<> commit() override { return {}; }
        void roll_back() override {}
        Result<> save() override { return {}; }
        Result<> roll_back_to_saved() override { return {}; }
        Result<std::uint64_t> run_statement(std::string_view, Views) override { return 0; }
        Result<> run_query(std::string_view, Views, tidings::detail::RowSink&) override { return {}; }
        void* native_handle(std::string_view) override { return nullptr; }
      };
      return std::unique_ptr<OpenTransaction>(std::make_unique<Never>());
    }
    if (is(StoreFault::serves_the_last_first)) wait_in_wrong_order(wait_max);
    if (is(StoreFault::starves_others)) wait_without_order(wait_max);
    auto good = shared.good->begin(is(StoreFault::does_not_wait) ? Duration{} : wait_max);
    if (!good) {
      if (is(StoreFault::calls_closed_busy) && good.error().code == "closed")
        return Error{"busy", "others are before it", Retry::same_call};
      return good.error();
    }
    return made(std::move(*good));
  }
  Result<> close(Duration wait_max) override {
    is_closed_ = true;
    auto closed = shared_->good->close(is(StoreFault::does_not_wait_to_close) ? Duration{} : wait_max);
    if (is(StoreFault::does_not_wait_to_close)) return {};
    return closed;
  }

 private:
  [[nodiscard]] bool is(StoreFault fault) const { return shared_->fault == fault; }
  std::unique_ptr<OpenTransaction> made(std::unique_ptr<OpenTransaction> good) {
    return std::make_unique<FaultyTransaction>(shared_, std::move(good));
  }
  /// Who came last goes first.
  void wait_in_wrong_order(Duration wait_max) {
    auto& shared = *shared_;
    std::unique_lock lock(shared.mutex);
    const int own = shared.tickets++;
    shared.waiting.push_back(own);
    shared.changed.wait_for(lock, wait_max, [&] { return !shared.is_taken && shared.waiting.back() == own; });
    std::erase(shared.waiting, own);
    shared.is_taken = true;
    shared.changed.notify_all();
  }
  /// Who is there when it is free; that is who has just had it.
  void wait_without_order(Duration wait_max) {
    auto& shared = *shared_;
    const auto until = std::chrono::steady_clock::now() + wait_max;
    while (std::chrono::steady_clock::now() < until) {
      {
        const std::scoped_lock lock(shared.mutex);
        if (!std::exchange(shared.is_taken, true)) return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
  }

  std::shared_ptr<FaultyShared> shared_;
  std::atomic<bool> is_closed_ = false;
};

class FaultyStoreUnderTest final : public StoreUnderTest {
 public:
  FaultyStoreUnderTest(std::unique_ptr<StoreUnderTest> good, StoreFault fault)
      : good_(std::move(good)), fault_(fault) {}
  Result<std::unique_ptr<Store>> open(const StoreOptions& options) override {
    auto changed = options;
    if (fault_ == StoreFault::allows_more_at_once) ++changed.connections;
    auto good = good_->open(changed);
    if (!good) return good.error();
    return std::unique_ptr<Store>(std::make_unique<FaultyStore>(std::move(*good), fault_));
  }
  /// What never comes is not waited for long.
  [[nodiscard]] Duration patience() const override {
    return fault_ == StoreFault::none ? good_->patience()
                                      : std::min<Duration>(good_->patience(), std::chrono::seconds{5});
  }
  Result<> restart_server() override { return good_->restart_server(); }
  Result<> take_away(bool away) override { return good_->take_away(away); }
  Result<> lose_answers(bool lose) override { return good_->lose_answers(lose); }

 private:
  std::unique_ptr<StoreUnderTest> good_;
  StoreFault fault_;
};

/// A store with a fault, over one without.
inline StoreFixture faulty(StoreFixture good, StoreFault fault) {
  return [good = std::move(good), fault]() -> std::unique_ptr<StoreUnderTest> {
    return std::make_unique<FaultyStoreUnderTest>(good(), fault);
  };
}

}  // namespace tidings::testing
