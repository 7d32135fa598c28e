#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "events.hpp"
#include "tables.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/outbox/relay.hpp"
#include "tidings/service/names.hpp"
#include "tidings/service/service.hpp"
#include "tidings/stores/open.hpp"

namespace shop {

/// A folder, and a broker in memory on which services run until they have caught up and published.
class ShopTest : public testing::Test {
 protected:
  ShopTest() { EXPECT_NE(::mkdtemp(folder.data()), nullptr); }
  ~ShopTest() override { std::filesystem::remove_all(folder); }

  class Silence final : public tidings::LogSink {
    void write(tidings::LogLevel, std::string_view) override {}
  };
  tidings::Service make(std::string name, std::string name_space = {}) {
    return tidings::Service::create({.name = std::move(name),
                                     .broker = broker.get(),
                                     .settings = {{"namespace", std::move(name_space)}},
                                     .log = &silence})
        .or_throw();
  }
  tidings::Store& open_store() {
    if (store == nullptr) store = tidings::open_store("sqlite:" + folder + "/shop.db", {.log = &silence}).or_throw();
    return *store;
  }
  /// One over the store, with its tables, and those of who carries out commands.
  tidings::Service make_with(std::string name, std::span<const std::string_view> tables) {
    open_store();
    auto service = tidings::Service::create(
                       {.name = std::move(name), .broker = broker.get(), .store = store.get(), .log = &silence})
                       .or_throw();
    make_participant_tables(service, tables).or_throw();
    return service;
  }
  /// Runs until the group of `handler` has nothing left to do on `topic`, and nothing waits in the outbox.
  void run(tidings::Service service, const std::string& handler, const std::string& topic) {
    const std::jthread runner([&] { EXPECT_EQ(service.run(), 0); });
    const Stopped stopped{service};
    const auto group = tidings::group_of(service.name(), handler);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!(caught_up(topic, group) && is_published()) && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    EXPECT_TRUE(caught_up(topic, group) && is_published()) << group;
  }
  struct Stopped {  // at the end of its scope, whatever happens there
    tidings::Service& service;
    ~Stopped() { service.stop(); }
  };
  bool is_published() { return store == nullptr || tidings::outbox::status(*store).or_throw().backlog == 0; }
  bool caught_up(const std::string& topic, const std::string& group) {
    const auto groups = broker->groups(topic);
    if (!groups) return false;
    for (const auto& known : *groups)
      if (known.group == group) return known.lag() == 0;
    return false;
  }
  /// Dead letters of a group, without what else their journal has.
  std::vector<std::string> parked(const std::string& group) {
    auto all = told(group + ".dead-letters");
    std::erase_if(all, [](const std::string& one) { return one.starts_with("tidings."); });
    return all;
  }
  /// The rows of a query over the store.
  template <class Row>
  std::vector<Row> rows(std::string_view sql) {
    auto tx = store->begin(std::chrono::seconds{10}).or_throw();
    return tx->query<Row>(sql).or_throw();
  }
  /// As after a kill before anything was acknowledged: every event comes again.
  void give_again(const std::string& topic, const std::string& group) {
    broker->seek(topic, group, tidings::Start::earliest()).or_throw();
  }
  template <class Event>
  void publish(const Event& event) {
    publish_all(std::vector{event});
  }
  /// As a saga sends it, and sends it again: under an id of its own.
  template <class Command>
  void command(const std::string& id, const Command& command) {
    auto envelope = tidings::make_envelope(command, {.source = "orders"}).or_throw();
    envelope.id = id;
    const auto view = envelope.view();
    broker->publish(tidings::event_topic<Command>(), std::span(&view, 1)).or_throw();
  }
  template <class Event>
  void publish_all(const std::vector<Event>& events) {
    std::vector<tidings::Envelope> envelopes;
    std::vector<tidings::EnvelopeView> views;
    for (const auto& event : events) envelopes.push_back(tidings::make_envelope(event, {.source = "till"}).or_throw());
    for (const auto& envelope : envelopes) views.push_back(envelope.view());
    broker->publish(tidings::event_topic<Event>(), views).or_throw();
  }
  /// Everything in a topic, as `shop.stock-reserved 7`, by key: only those of one key come in order.
  std::vector<std::string> told(const std::string& topic) {
    auto all = read(topic);
    std::ranges::stable_sort(all, {}, &tidings::Envelope::key);
    std::vector<std::string> lines;
    for (const auto& envelope : all) lines.push_back(envelope.type + " " + envelope.key);
    return lines;
  }
  std::vector<tidings::Envelope> read(const std::string& topic) {
    std::vector<tidings::Envelope> all;
    auto reader = broker->subscribe(topic, {.create_topic = true}).or_throw();
    while (true) {
      auto got = reader->fetch(1000, std::chrono::milliseconds{1}).or_throw();
      if (got.empty()) return all;
      for (const auto& delivery : got) all.emplace_back(delivery.envelope);
    }
  }

  static OrderPlaced placed(const std::string& id, std::int64_t quantity = 1) {
    return {.order_id = id,
            .customer_id = "c",
            .country = "UK",
            .lines = {{.product = "mug", .description = "MUG", .quantity = quantity, .price_minor = 100}},
            .total_minor = quantity * 100};
  }
  static OrderConfirmed confirmed(const std::string& id, std::int64_t quantity = 1) {
    const auto order = placed(id, quantity);
    return {id, order.customer_id, order.country, order.placed_at, order.lines, order.total_minor};
  }
  static OrderReturned returned(const std::string& id, std::int64_t quantity = 1) {
    return {.order_id = id,
            .customer_id = "c",
            .country = "UK",
            .lines = {{.product = "mug", .description = "MUG", .quantity = quantity, .price_minor = 100}},
            .total_minor = quantity * 100};
  }

  Silence silence;
  std::unique_ptr<tidings::Broker> broker = tidings::open_broker("memory:", {.log = &silence}).or_throw();
  std::unique_ptr<tidings::Store> store;
  std::string folder = (std::filesystem::temp_directory_path() / "tidings-shop-XXXXXX").string();
};

}  // namespace shop
