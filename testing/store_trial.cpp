#include "store_trial.hpp"

#include <thread>

namespace tidings::testing {

namespace {

/// What goes wrong on purpose is no news.
class Quiet final : public LogSink {
 public:
  void write(LogLevel, std::string_view) override {}
};

}  // namespace

SteadyTime steady_clock_now() {
  return std::chrono::steady_clock::now();
}

std::unique_ptr<Store> StoreTrial::open(std::size_t connections) {
  static Quiet quiet;
  return need(under_test_->open({.connections = connections, .log = &quiet}), "open");
}

std::unique_ptr<OpenTransaction> StoreTrial::begin(Store& store) {
  return need(store.begin(patience()), "begin");
}

std::vector<std::int64_t> StoreTrial::numbers(Store& store, const std::string& sql) {
  const auto tx = begin(store);
  return need(tx->query<std::int64_t>(sql), sql);
}

void StoreTrial::retried(Store& store, const std::function<Result<>(Transaction&)>& run) {
  for (const auto until = steady_clock_now() + patience();;) {
    Result<> done;
    if (auto tx = store.begin(patience()); !tx)
      done = tx.error();
    else if (done = run(**tx); done)
      done = (*tx)->commit();
    if (done) return;
    require(done.error().retry == Retry::same_call, "not to be tried again: " + to_string(done.error()));
    require(steady_clock_now() < until, "it came to no end: " + to_string(done.error()));
  }
}

void StoreTrial::at_once(int threads, const std::function<void(int number, StoreTrial& mine)>& run) {
  std::vector<std::unique_ptr<StoreTrial>> own;
  for (int number = 0; number < threads; ++number) own.push_back(std::make_unique<StoreTrial>(patience()));
  {
    std::vector<std::jthread> running;
    for (int number = 0; number < threads; ++number)
      running.emplace_back([&run, number, mine = own[static_cast<std::size_t>(number)].get()] {
        mine->guard([&] { run(number, *mine); });
      });
  }
  for (const auto& one : own) take_over(*one);
}

void StoreTrial::can(const Result<>& result) {
  if (result) return;
  if (result.error().code == "unsupported") unsupported(result.error().message);
  require(false, "the fixture failed: " + to_string(result.error()));
}

std::string bytes_type(const Store& store) {
  return store.dialect() == SqlDialect::postgres ? "bytea" : "blob";
}

}  // namespace tidings::testing
