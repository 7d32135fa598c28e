#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "findings.hpp"
#include "tidings/testing/store_conformance.hpp"

namespace tidings::testing {

[[nodiscard]] SteadyTime steady_clock_now();

/// One run of a case over a store.
class StoreTrial : public Findings {
 public:
  explicit StoreTrial(const StoreFixture& make) : StoreTrial(make()) {}
  /// Without a store: for the threads of a case.
  explicit StoreTrial(Duration patience) : Findings(patience) {}

  [[nodiscard]] StoreUnderTest& under_test() { return *under_test_; }
  [[nodiscard]] std::unique_ptr<Store> open(std::size_t connections = 4);
  [[nodiscard]] std::unique_ptr<OpenTransaction> begin(Store& store);

  /// One statement in a transaction of its own.
  template <class... Args>
  void in_one(Store& store, const std::string& sql, const Args&... args) {
    const auto tx = begin(store);
    need(tx->execute(sql, args...), sql);
    need(tx->commit(), "the commit of: " + sql);
  }
  /// The integers that a query gives, in a transaction of its own.
  std::vector<std::int64_t> numbers(Store& store, const std::string& sql);
  /// Runs it in a transaction and commits; anew for as long as trying again is said to help.
  void retried(Store& store, const std::function<Result<>(Transaction&)>& run);

  /// Runs each number in a thread of its own, with findings of its own, and takes those over.
  void at_once(int threads, const std::function<void(int number, StoreTrial& mine)>& run);
  /// What the fixture cannot do ends the case as unsupported.
  void can(const Result<>& result);

 private:
  explicit StoreTrial(std::unique_ptr<StoreUnderTest> made)
      : Findings(made->patience()), under_test_(std::move(made)) {}

  std::unique_ptr<StoreUnderTest> under_test_;
};

/// A type for bytes, in the store's words.
[[nodiscard]] std::string bytes_type(const Store& store);

using StoreCaseRun = void (*)(StoreTrial&);
struct StoreCaseEntry {
  ConformanceCase about;
  StoreCaseRun run;
};

// The cases, by subject.
[[nodiscard]] std::vector<StoreCaseEntry> store_value_cases();
[[nodiscard]] std::vector<StoreCaseEntry> store_statement_cases();
[[nodiscard]] std::vector<StoreCaseEntry> store_transaction_cases();
[[nodiscard]] std::vector<StoreCaseEntry> store_turn_cases();
[[nodiscard]] std::vector<StoreCaseEntry> store_concurrency_cases();
[[nodiscard]] std::vector<StoreCaseEntry> store_schema_cases();
[[nodiscard]] std::vector<StoreCaseEntry> store_outage_cases();

}  // namespace tidings::testing
