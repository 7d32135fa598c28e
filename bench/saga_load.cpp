// What sagas do a second, through a whole service, through the coordinator alone, and by hand.
#include "saga_load.hpp"

#include <chrono>
#include <thread>
#include <vector>

#include "saga_shop.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/event/json_codec.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/saga/coordinator.hpp"
#include "tidings/service/service.hpp"
#include "tidings/stores/open.hpp"

namespace bench::sagas {

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::int64_t block = 1'000;  // sagas that go on together

double seconds_since(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

/// By blocks: all of them are placed, then all reserved, then all charged.
template <class Visit>
void each_event(std::int64_t sagas, Visit visit) {
  for (std::int64_t begin = 0; begin < sagas; begin += block) {
    const auto end = std::min(sagas, begin + block);
    for (auto at = begin; at < end; ++at) visit(placed_of(at));
    for (auto at = begin; at < end; ++at) visit(Reserved{order_id_of(at)});
    for (auto at = begin; at < end; ++at) visit(Charged{order_id_of(at), "payment-" + std::to_string(at)});
  }
}

std::vector<tidings::Envelope> all_events(std::int64_t sagas) {
  std::vector<tidings::Envelope> all;
  each_event(sagas,
             [&](const auto& event) { all.push_back(tidings::make_envelope(event, {.source = "bench"}).or_throw()); });
  return all;
}

void publish(tidings::Broker& broker, std::span<const tidings::Envelope> events) {
  while (!events.empty()) {
    const auto some = events.first(std::min<std::size_t>(events.size(), 1'000));
    events = events.subspan(some.size());
    std::vector<tidings::EnvelopeView> views;
    for (const auto& event : some) views.push_back(event.view());
    broker.publish(topic, views).or_throw();
  }
}

void expect_ends(benchmark::State& state, tidings::Store& store, std::int64_t sagas) {
  expect(state, static_cast<std::uint64_t>(count(store, "tidings_sagas where status = 'completed'")),
         static_cast<std::uint64_t>(sagas), "sagas are completed");
}

}  // namespace

std::unique_ptr<tidings::Store> open_database(Database kind, const std::string& place, std::size_t connections) {
  auto store = tidings::open_store(kind == Database::sqlite ? "sqlite:" + place : place, {.connections = connections})
                   .or_throw();
  tidings::outbox::apply_schema(*store).or_throw();
  tidings::saga::apply_schema(*store).or_throw();
  return store;
}

std::int64_t count(tidings::Store& store, const std::string& what) {
  auto tx = store.begin(10s).or_throw();
  return tx->query_one<std::int64_t>("select count(*) from " + what).or_throw().value_or(0);
}

void through_a_service(benchmark::State& state, Stage& stage, Database kind) {
  const Scratch scratch("sagas");
  const auto database = stage.new_database(kind, scratch);
  const auto sagas = often(20'000);
  {
    auto broker = tidings::open_broker("log:" + scratch.path() + "/sagas", {}).or_throw();
    broker->create_topic(topic, {.partitions = 4}).or_throw();
    publish(*broker, all_events(sagas));
    const auto store = open_database(kind, database, 8);
    auto service = tidings::Service::create({.name = "bench",
                                             .broker = broker.get(),
                                             .store = store.get(),
                                             .log = &tidings::stderr_log(tidings::LogLevel::warning)})
                       .or_throw();
    service.saga(checkout());
    stage.settle(kind);
    for (auto _ : state) {
      const auto begin = Steady::now();
      std::jthread running([&] { expect(state, static_cast<std::uint64_t>(service.run()), 0, "is the exit status"); });
      const auto watching = open_database(kind, database, 1);
      while (count(*watching, "tidings_sagas where type = 'checkout' and status = 'completed'") < sagas &&
             seconds_since(begin) < 200)
        std::this_thread::sleep_for(5ms);
      state.SetIterationTime(seconds_since(begin));
      state.counters["transitions"] = static_cast<double>(sagas * events_of_each) / seconds_since(begin);
      service.stop();
    }
    expect_ends(state, *store, sagas);
  }
  stage.drop(database);
}

void through_the_coordinator(benchmark::State& state, Stage& stage, Database kind) {
  const Scratch scratch("sagas");
  const auto database = stage.new_database(kind, scratch);
  const auto sagas = often(600);
  {
    const auto store = open_database(kind, database, 2);
    const auto coordinator = tidings::saga::Coordinator::make(*store, {checkout()}, {.source = "bench"}).or_throw();
    const auto events = all_events(sagas);
    stage.settle(kind);
    for (auto _ : state) {
      const auto begin = Steady::now();
      for (const auto& event : events) coordinator->handle(event.view()).or_throw();
      state.SetIterationTime(seconds_since(begin));
      state.counters["transitions"] = static_cast<double>(sagas * events_of_each) / seconds_since(begin);
    }
    expect_ends(state, *store, sagas);
  }
  stage.drop(database);
}

void by_hand(benchmark::State& state, Stage& stage, Database kind) {
  const Scratch scratch("sagas");
  const auto database = stage.new_database(kind, scratch);
  const auto sagas = often(600);
  struct ByHand {
    Checkout order;
    std::string stage;
  };
  {
    const auto store = open_database(kind, database, 2);
    {
      auto tx = store->begin(10s).or_throw();
      tx->execute("create table workflows(id text primary key, state text not null)").or_throw();
      tx->commit().or_throw();
    }
    const auto events = all_events(sagas);
    stage.settle(kind);
    const std::string lock = kind == Database::postgres ? " for update" : "";
    const auto handle = [&](const tidings::EnvelopeView& event) {
      auto tx = store->begin(10s).or_throw();
      std::string json;
      if (event.type == "bench.placed") {
        ByHand made;
        made.order.begin(tidings::JsonCodec::decode<Placed>(event.payload).or_throw());
        made.stage = "reserving";
        tidings::JsonCodec::encode(made, json).or_throw();
        tx->execute("insert into workflows(id, state) values ($1, $2)", event.key, json).or_throw();
      } else {
        const auto was =
            tx->query_one<std::string>("select state from workflows where id = $1" + lock, event.key).or_throw();
        auto now = tidings::JsonCodec::decode<ByHand>(*was).or_throw();
        if (event.type == "bench.reserved") {
          now.stage = "charging";
        } else {
          now.order.charged(tidings::JsonCodec::decode<Charged>(event.payload).or_throw());
          now.stage = "completed";
        }
        tidings::JsonCodec::encode(now, json).or_throw();
        tx->execute("update workflows set state = $2 where id = $1", event.key, json).or_throw();
      }
      tx->commit().or_throw();
    };
    for (auto _ : state) {
      const auto begin = Steady::now();
      for (const auto& event : events) handle(event.view());
      state.SetIterationTime(seconds_since(begin));
      state.counters["transitions"] = static_cast<double>(sagas * events_of_each) / seconds_since(begin);
    }
    expect(state, static_cast<std::uint64_t>(count(*store, "workflows where state like '%completed%'")),
           static_cast<std::uint64_t>(sagas), "sagas are completed");
  }
  stage.drop(database);
}

}  // namespace bench::sagas
