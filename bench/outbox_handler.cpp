#include "outbox_handler.hpp"

#include <chrono>
#include <thread>
#include <vector>

#include "tidings/base/log_sink.hpp"
#include "tidings/service/service.hpp"
#include "tidings/stores/open.hpp"

namespace bench::outbox {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

struct OrderTaken {
  std::string order_id;
  std::int64_t number = 0;
  static constexpr tidings::traits<OrderTaken> event{
      .name = "bench.order-taken", .topic = "taken", .key = &OrderTaken::order_id};
};

constexpr std::size_t published_at_once = 1'000;

double seconds_since(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

void publish(tidings::Broker& broker, std::uint64_t count) {
  for (std::uint64_t number = 0; number < count;) {
    std::vector<tidings::Envelope> envelopes;
    std::vector<tidings::EnvelopeView> views;
    for (; number < count && envelopes.size() < published_at_once; ++number)
      envelopes.push_back(tidings::make_envelope(order_of(number), {.source = "bench"}).or_throw());
    for (const auto& envelope : envelopes) views.push_back(envelope.view());
    broker.publish(tidings::event_topic<OrderPlaced>(), views).or_throw();
  }
}

std::uint64_t handled_of(tidings::Broker& broker) {
  std::uint64_t handled = 0;
  const auto groups = broker.groups(tidings::event_topic<OrderPlaced>());
  if (!groups) return 0;
  for (const auto& group : *groups)
    for (const auto& partition : group.partitions) handled += partition.position.value;
  return handled;
}

std::uint64_t relayed_of(tidings::Broker& broker) {
  const auto topic = broker.topic(tidings::event_topic<OrderTaken>());
  return topic ? topic->partitions.at(0).end.value : 0;
}

void handle_in_batches(benchmark::State& state, Stage& stage, Effect effect) {
  const Scratch scratch("handled");
  const auto broker = stage.new_broker(To::log, scratch);
  const auto store = tidings::open_store("sqlite:" + stage.new_database(Database::sqlite, scratch)).or_throw();
  const auto count = static_cast<std::uint64_t>(often(100'000));
  publish(*broker, count);
  auto service = tidings::Service::create({.name = "bench",
                                           .broker = broker.get(),
                                           .store = store.get(),
                                           .log = &tidings::stderr_log(tidings::LogLevel::warning)})
                     .or_throw();
  service.on("take", {.batch_max = 1'000},
             [&](const tidings::Batch<OrderPlaced>& orders, tidings::Transaction& tx) -> tidings::Result<> {
               for (const auto& [order, context] : orders) {
                 if (effect == Effect::publication) {
                   if (auto published = context.publish(OrderTaken{order.order_id, order.number}); !published)
                     return published;
                   continue;
                 }
                 auto written =
                     tx.execute(insert_order, order.number, order.order_id, order.customer_id, order.total_minor);
                 if (!written) return written.error();
               }
               return {};
             });
  for (auto _ : state) {
    const auto begin = Steady::now();
    std::jthread running([&] { expect(state, static_cast<std::uint64_t>(service.run()), 0, "is the exit status"); });
    double handled = 0;
    double relayed = 0;
    const bool is_relayed = effect == Effect::publication;
    while ((handled == 0 || (is_relayed && relayed == 0)) && seconds_since(begin) < 60) {
      std::this_thread::sleep_for(1ms);
      if (handled == 0 && handled_of(*broker) == count) handled = seconds_since(begin);
      if (is_relayed && relayed == 0 && relayed_of(*broker) == count) relayed = seconds_since(begin);
    }
    state.SetIterationTime(seconds_since(begin));
    service.stop();
    running.join();
    state.counters["handled"] = static_cast<double>(count) / handled;
    if (is_relayed) state.counters["relayed"] = static_cast<double>(count) / relayed;
  }
  expect(state, handled_of(*broker), count, "events were handled");
  if (effect == Effect::publication) {
    expect(state, relayed_of(*broker), count, "events were published");
    return;
  }
  const auto tx = store->begin(10s).or_throw();
  expect(state,
         static_cast<std::uint64_t>(tx->query_one<std::int64_t>("select count(*) from orders").or_throw().value()),
         count, "orders are there");
}

void handle_one_by_one(benchmark::State& state, Stage& stage, Effect effect) {
  const Scratch scratch("handled");
  const auto count = static_cast<std::uint64_t>(often(5'000));
  for (auto _ : state) {
    const auto seconds = handle_by_hand(stage.new_database(Database::sqlite, scratch), effect == Effect::row, count);
    state.SetIterationTime(seconds);
    state.counters["handled"] = state.counters["relayed"] = static_cast<double>(count) / seconds;
  }
}

}  // namespace

void handle(benchmark::State& state, Stage& stage, Who who, Effect effect) {
  if (who == Who::tidings)
    handle_in_batches(state, stage, effect);
  else
    handle_one_by_one(state, stage, effect);
}

}  // namespace bench::outbox
