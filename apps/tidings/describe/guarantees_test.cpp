#include "describe/guarantees.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace tidings::cli {
namespace {

using testing::HasSubstr;

// The safest way there is; each test takes one thing from it.
PathFacts safest() {
  return {.broker = BrokerKind::log,
          .durability = Durability::durable,
          .keyed = true,
          .ttl = {},
          .by = Publishing::outbox,
          .is_serial = true,
          .transaction = true,
          .inbox_window = "7d",
          .concurrency = 4,
          .retries = 8};
}

std::string names(const Guarantee& guarantee) {
  std::string all;
  for (const auto& cause : guarantee.causes) all += (all.empty() ? "" : " ") + cause.name;
  return all;
}

/// `loss | duplicates | order`, and that every cause is known, says why and what to change.
std::string computed(const PathFacts& facts) {
  const auto all = guarantees_of(facts);
  const auto check = [](const Guarantee& one, std::string_view what) {
    const auto known = causes_known(what);
    for (const auto& cause : one.causes) {
      EXPECT_THAT(known, testing::Contains(cause.name));
      EXPECT_FALSE(cause.when.empty() || cause.change.empty()) << cause.name;
    }
  };
  check(all.loss, "loss");
  check(all.duplicates, "duplicates");
  check(all.order, "order");
  return names(all.loss) + "|" + names(all.duplicates) + "|" + names(all.order);
}

struct Row {
  const char* what;
  void (*change)(PathFacts&);
  const char* expected;
};

// The rows of docs/describe.md, in their order.
const Row rows[] = {
    {"nothing is missing", [](PathFacts&) {}, "||"},
    // Loss.
    {"memory:", [](PathFacts& f) { f.broker = BrokerKind::memory; }, "process-end||"},
    {"a broker that is not told", [](PathFacts& f) { f.broker = BrokerKind::unknown; },
     "unknown-broker||unknown-broker"},
    {"log:, memory", [](PathFacts& f) { f.durability = Durability::memory; }, "power-cut||"},
    {"log:, interval", [](PathFacts& f) { f.durability = Durability::interval; }, "power-cut||"},
    {"log:, as it makes topics", [](PathFacts& f) { f.durability.reset(); }, "||"},
    {"nats:, one server", [](PathFacts& f) { f.broker = BrokerKind::nats; }, "power-cut||"},
    {"nats:, two", [](PathFacts& f) { f.broker = BrokerKind::nats, f.replicas = 2; }, "power-cut||"},
    {"nats:, three", [](PathFacts& f) { f.broker = BrokerKind::nats, f.replicas = 3; }, "||"},
    {"kafka:, durable", [](PathFacts& f) { f.broker = BrokerKind::kafka; }, "||"},
    {"kafka:, interval", [](PathFacts& f) { f.broker = BrokerKind::kafka, f.durability = Durability::interval; },
     "power-cut||"},
    {"kafka:, as it makes topics", [](PathFacts& f) { f.broker = BrokerKind::kafka, f.durability.reset(); },
     "power-cut||"},
    {"retention", [](PathFacts& f) { f.is_bounded = true; }, "retention||"},
    {"retention that waits", [](PathFacts& f) { f.is_bounded = f.waits_for_groups = true; }, "||"},
    {"payloads beside their events", [](PathFacts& f) { f.claims_keep = "1d"; }, "claim-expiry||"},
    {"time to live", [](PathFacts& f) { f.ttl = "10s"; }, "expiry||"},
    {"starts at the latest", [](PathFacts& f) { f.starts_latest = true; }, "late-start||"},
    {"remembers nothing",
     [](PathFacts& f) { f.remembers = f.parked_wait = f.transaction = false, f.each_process = true; },
     "absence|redelivery|parked"},
    {"the service does not relay", [](PathFacts& f) { f.relays = false; }, "||"},
    // Duplicates.
    {"no transaction", [](PathFacts& f) { f.transaction = false; }, "|redelivery|"},
    {"a publishing handler without one", [](PathFacts& f) { f.by = Publishing::handler; }, "|republish|"},
    {"a schedule, an inbox", [](PathFacts& f) { f.by = Publishing::schedule; }, "||"},
    {"a schedule, none", [](PathFacts& f) { f.by = Publishing::schedule, f.transaction = false; },
     "|redelivery resend|"},
    {"the program itself", [](PathFacts& f) { f.by = Publishing::direct; }, "||"},
    {"somebody", [](PathFacts& f) { f.by = Publishing::unknown; }, "||"},
    // Order, and what late relays and stalled processes do to it.
    {"outbox, nats:, no inbox",
     [](PathFacts& f) { f.broker = BrokerKind::nats, f.replicas = 3, f.transaction = false; },
     "|redelivery resend|stalled late-repeat"},
    {"outbox, kafka:, no inbox", [](PathFacts& f) { f.broker = BrokerKind::kafka, f.transaction = false; },
     "|redelivery resend|stalled late-repeat"},
    {"the program itself, kafka:, no inbox",
     [](PathFacts& f) { f.broker = BrokerKind::kafka, f.transaction = false, f.by = Publishing::direct; },
     "|redelivery|stalled"},
    {"no key", [](PathFacts& f) { f.keyed = false; }, "||no-key"},
    {"a type that is not known", [](PathFacts& f) { f.keyed.reset(); }, "||"},
    {"goes on behind what is parked", [](PathFacts& f) { f.parked_wait = false; }, "||parked"},
    {"batches", [](PathFacts& f) { f.batches = true; }, "||"},
    {"transactions beside one another", [](PathFacts& f) { f.is_serial = false; }, "||"},
};

TEST(Guarantees, EveryRowOfTheTable) {
  for (const auto& row : rows) {
    auto facts = safest();
    row.change(facts);
    EXPECT_EQ(computed(facts), row.expected) << row.what;
  }
}

TEST(Guarantees, WhatNobodyCanSeeIsProvided) {
  auto facts = safest();
  EXPECT_TRUE(guarantees_of(facts).order.provided.empty());
  facts.is_serial = false;
  EXPECT_THAT(guarantees_of(facts).order.provided, testing::ElementsAre(HasSubstr("locks what the key stands for")));
  facts.relays = false;
  EXPECT_THAT(guarantees_of(facts).loss.provided, testing::ElementsAre(HasSubstr("tidings outbox relay")));
  facts.by = Publishing::direct;
  facts.has_others = true;
  EXPECT_THAT(guarantees_of(facts).order.provided,
              testing::ElementsAre(HasSubstr("by one thread"), HasSubstr("several")));
  facts.broker = BrokerKind::kafka;
  facts.by = Publishing::unknown;
  EXPECT_THAT(guarantees_of(facts).loss.provided, testing::Contains(HasSubstr("min.insync.replicas")));
  EXPECT_THAT(guarantees_of(facts).order.provided, testing::Contains(HasSubstr("partitioner=")));
  EXPECT_THAT(guarantees_of(facts).duplicates.provided, testing::Contains(HasSubstr("elsewhere may be done again")));
}

TEST(Guarantees, NatsKnowsAnIdForAWhile) {
  auto facts = safest();
  facts.broker = BrokerKind::nats, facts.transaction = false, facts.duplicate_window = "5min";
  const auto resend = guarantees_of(facts).duplicates.causes.at(1);
  EXPECT_EQ(resend.name, "resend");
  EXPECT_THAT(resend.when, HasSubstr("within 5min (duplicate_window)"));
  facts.by = Publishing::direct;
  EXPECT_THAT(guarantees_of(facts).duplicates.provided,
              testing::Contains(HasSubstr("within 5min, while NATS knows it")));
  facts.broker = BrokerKind::kafka;
  EXPECT_THAT(guarantees_of(facts).duplicates.provided, testing::Not(testing::Contains(HasSubstr("5min"))));
}

TEST(Guarantees, OfSeveralPublishersTheWeakestCounts) {
  auto facts = safest();
  auto all = guarantees_of(facts);
  facts.by = Publishing::handler;
  add_to(all, guarantees_of(facts));
  add_to(all, guarantees_of(facts));
  EXPECT_EQ(names(all.duplicates), "republish");
  EXPECT_EQ(names(all.loss), "");
}

// Whatever the facts: nothing that makes a way safer makes a guarantee weaker.
TEST(Guarantees, MoreSafetyNeverWeakens) {
  const auto causes = [](const PathFacts& facts) {
    std::multiset<std::string> all;
    const auto made = guarantees_of(facts);
    for (const auto* one : {&made.loss, &made.duplicates, &made.order})
      for (const auto& cause : one->causes) all.insert(std::to_string(one == &made.loss) + cause.name);
    return all;
  };
  for (const auto broker : {BrokerKind::memory, BrokerKind::log, BrokerKind::nats, BrokerKind::kafka})
    for (const auto by : {Publishing::outbox, Publishing::handler, Publishing::schedule, Publishing::direct})
      for (const bool transaction : {false, true})
        for (const bool keyed : {false, true}) {
          auto facts = safest();
          facts.broker = broker, facts.by = by, facts.transaction = transaction, facts.keyed = keyed;
          facts.durability = Durability::memory;
          const auto before = causes(facts);
          const auto holds = [&](auto change) {
            auto safer = facts;
            change(safer);
            const auto after = causes(safer);
            EXPECT_TRUE(std::ranges::includes(before, after));
          };
          holds([](PathFacts& f) { f.durability = Durability::durable; });
          holds([](PathFacts& f) { f.transaction = true; });
          holds([](PathFacts& f) { f.replicas = 5; });
          if (by == Publishing::handler) holds([](PathFacts& f) { f.by = Publishing::direct; });
        }
}

}  // namespace
}  // namespace tidings::cli
