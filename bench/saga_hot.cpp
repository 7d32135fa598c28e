// One instance, and 16 events for it at once.
#include <atomic>
#include <barrier>
#include <chrono>
#include <thread>
#include <vector>

#include "saga_load.hpp"
#include "saga_shop.hpp"
#include "tidings/saga/coordinator.hpp"
#include "tidings/saga/inspect.hpp"

namespace bench::sagas {

namespace {

using Steady = std::chrono::steady_clock;

/// Counts transactions that were begun.
class CountingStore final : public tidings::Store {
 public:
  explicit CountingStore(tidings::Store& store) : store_(store) {}
  [[nodiscard]] tidings::SqlDialect dialect() const override { return store_.dialect(); }
  tidings::Result<std::unique_ptr<tidings::OpenTransaction>> begin(tidings::Duration wait_max) override {
    ++begun;
    return store_.begin(wait_max);
  }
  tidings::Result<> close(tidings::Duration) override { return {}; }

  std::atomic<std::uint64_t> begun = 0;

 private:
  tidings::Store& store_;
};

std::vector<tidings::Envelope> answers_of(const std::string& id) {
  return [&]<std::size_t... N>(std::index_sequence<N...>) {
    std::vector<tidings::Envelope> all;
    (all.push_back(tidings::make_envelope(Answer<N>{id}, {.source = "bench"}).or_throw()), ...);
    return all;
  }(std::make_index_sequence<answers_at_once>{});
}

}  // namespace

void hot_instance(benchmark::State& state, Stage& stage, Database kind) {
  const Scratch scratch("sagas");
  const auto database = stage.new_database(kind, scratch);
  const auto rounds = std::max<std::int64_t>(often(40), 3);
  {
    const auto store = open_database(kind, database, answers_at_once + 1);
    CountingStore counting(*store);
    const auto coordinator = tidings::saga::Coordinator::make(counting, {hot()}, {.source = "bench"}).or_throw();
    std::vector<std::vector<tidings::Envelope>> answers;
    for (std::int64_t at = 0; at < rounds; ++at) {
      coordinator->handle(tidings::make_envelope(placed_of(at), {.source = "bench"}).or_throw().view()).or_throw();
      answers.push_back(answers_of(order_id_of(at)));
    }
    stage.settle(kind);
    counting.begun = 0;
    std::atomic<std::uint64_t> refused = 0;
    for (auto _ : state) {
      std::barrier together(static_cast<std::ptrdiff_t>(answers_at_once) + 1);
      std::vector<std::jthread> threads;
      for (std::size_t thread = 0; thread < answers_at_once; ++thread)
        threads.emplace_back([&, thread] {
          for (const auto& round : answers) {
            together.arrive_and_wait();
            auto done = coordinator->handle(round[thread].view());
            for (int again = 0; !done && done.error().retry == tidings::Retry::same_call && again < 1'000; ++again)
              done = coordinator->handle(round[thread].view());
            if (!done || !*done) ++refused;
            together.arrive_and_wait();
          }
        });
      Steady::duration took{};
      for (std::int64_t at = 0; at < rounds; ++at) {
        together.arrive_and_wait();
        const auto begin = Steady::now();
        together.arrive_and_wait();
        took += Steady::now() - begin;
      }
      const auto one = std::chrono::duration<double>(took).count() / static_cast<double>(rounds);
      state.SetIterationTime(one);
      state.counters["nanoseconds"] = one * 1e9;
      // None at all would look like a figure that is missing.
      state.counters["transactions"] = static_cast<double>(counting.begun.load()) / static_cast<double>(rounds);
    }
    expect(state, refused, 0, "answers were refused");
    expect(state, static_cast<std::uint64_t>(count(*store, "tidings_sagas where status = 'completed'")),
           static_cast<std::uint64_t>(rounds), "sagas are completed");
    expect(state, static_cast<std::uint64_t>(count(*store, "tidings_saga_history where what = 'done'")),
           static_cast<std::uint64_t>(rounds) * answers_at_once, "answers were taken");
    expect(state, static_cast<std::uint64_t>(count(*store, "tidings_outbox where type = 'bench.confirmed'")),
           static_cast<std::uint64_t>(rounds), "ends were told");
  }
  stage.drop(database);
}

}  // namespace bench::sagas
