#include "scaffold/warnings.hpp"

#include <gmock/gmock.h>

#include "scaffold/report.hpp"
#include "scaffold/testing.hpp"

namespace tidings::scaffold {
namespace {

std::vector<std::string> ids(const std::set<std::string>& capabilities,
                             const std::map<std::string, std::string>& acknowledged = {}) {
  std::vector<std::string> found;
  for (const auto& one : warnings(catalogue(), capabilities, acknowledged)) found.push_back(one.id);
  return found;
}

TEST(Warnings, events_without_an_outbox_are_critical) {
  const auto found = warnings(catalogue(), {"event-bus"}, {});
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front().id, "event-bus-without-outbox");
  EXPECT_EQ(found.front().severity, Severity::error);
  EXPECT_THAT(ids({"event-bus", "outbox"}), ::testing::Not(::testing::Contains("event-bus-without-outbox")));
  EXPECT_THAT(ids({}), ::testing::IsEmpty());
}

TEST(Warnings, that_are_acknowledged_are_not_told) {
  EXPECT_THAT(ids({"event-bus"}, {{"event-bus-without-outbox", "hints"}}),
              ::testing::Not(::testing::Contains("event-bus-without-outbox")));
  EXPECT_TRUE(check_acknowledged(catalogue(), {{"event-bus-without-outbox", "hints"}}, "t"));
  EXPECT_THAT(check_acknowledged(catalogue(), {{"event-bus-without-outbocks", "x"}}, "t").error().message,
              ::testing::HasSubstr("did you mean 'event-bus-without-outbox'?"));
  EXPECT_FALSE(check_acknowledged(catalogue(), {{"event-bus-without-outbox", " "}}, "t"));
}

TEST(Warnings, where_handlers_take_a_transaction_the_inbox_is_there_and_nobody_is_warned_of_its_absence) {
  const auto told = [](const std::set<std::string>& asked) { return ids(resolve(catalogue(), asked).or_throw().all); };
  const auto of_inbox = ::testing::AnyOf("broker-without-inbox", "retry-without-inbox");
  for (const auto* const name : {"outbox", "inbox", "idempotency", "saga", "projection", "audit-log"})
    EXPECT_THAT(told({"event-bus", "nats", "retry", name}), ::testing::Not(::testing::Contains(of_inbox))) << name;
  EXPECT_THAT(told({"event-bus", "nats", "retry"}), ::testing::Contains(of_inbox).Times(2));
}

TEST(Warnings, rules) {
  const auto found = [](const std::string& rule, const std::set<std::string>& capabilities) {
    const auto made =
        make_catalogue(
            small_files(
                {capability("c", ""),
                 capability("d", ""),
                 capability("e", ""),
                 {"warnings.toml",
                  "[[warning]]\nid = \"w\"\nseverity = \"advice\"\nhappens = \"h\"\nwhat_to_do = \"w\"\n" + rule,
                  "caps/"}}))
            .or_throw();
    return warnings(made, capabilities, {}).size();
  };
  EXPECT_EQ(found("has_all = [\"c\", \"d\"]", {"c"}), 0U);
  EXPECT_EQ(found("has_all = [\"c\", \"d\"]", {"c", "d"}), 1U);
  EXPECT_EQ(found("has_any = [\"c\", \"d\"]", {"d"}), 1U);
  EXPECT_EQ(found("has_any = [\"c\", \"d\"]", {"e"}), 0U);
  EXPECT_EQ(found("has_all = [\"e\"]\nlacks_all = [\"c\", \"d\"]", {"e"}), 1U);
  EXPECT_EQ(found("has_all = [\"e\"]\nlacks_all = [\"c\", \"d\"]", {"d", "e"}), 0U);
  EXPECT_EQ(found("has_all = [\"e\"]\nlacks_any = [\"c\", \"d\"]", {"d", "e"}), 1U);
  EXPECT_EQ(found("has_all = [\"e\"]\nlacks_any = [\"c\", \"d\"]", {"c", "d", "e"}), 0U);
}

TEST(Warnings, come_by_their_weight_and_then_as_they_are_written) {
  const auto rule = [](const std::string& id, const std::string& severity) {
    return "[[warning]]\nid = \"" + id + "\"\nseverity = \"" + severity + "\"\nhas_all = [\"c\"]\nhappens = \"h of " +
           id + "\"\nwhat_to_do = \"do " + id + "\"\n";
  };
  const auto made = [&](const std::string& rules) {
    return make_catalogue(small_files({capability("c", ""), {"warnings.toml", rules, "caps/"}}));
  };
  const auto some = made(rule("a", "advice") + rule("w", "warning") + rule("b", "advice") + rule("k", "critical"));
  ASSERT_TRUE(some);
  std::vector<std::string> told;
  for (const auto& one : warnings(*some, {"c"}, {}))
    told.push_back(std::string(to_text(one.severity)) + " " + one.id + ": " + one.happens + ", " + one.what_to_do);
  EXPECT_THAT(told, ::testing::ElementsAre("critical k: h of k, do k", "warning w: h of w, do w",
                                           "advice a: h of a, do a", "advice b: h of b, do b"));
  EXPECT_EQ(warnings(*some, {"c"}, {{"w", "known"}}).size(), 3U) << "the others are told all the same";
  EXPECT_TRUE(warnings(*some, {}, {}).empty());
  EXPECT_THAT(made(rule("a", "error")).error().message,
              ::testing::HasSubstr("'error' is no severity; there are critical, warning and advice"));
  EXPECT_THAT(made(rule("a", "advice") + rule("a", "advice")).error().message,
              ::testing::HasSubstr("there are two warnings a"));
}

TEST(Warnings, of_what_hurts_in_production) {
  // What is asked for, the warning, and each capability that answers it. Every warning that one more capability ends
  // has a case.
  struct Case {
    std::set<std::string> asked;
    const char* id;
    std::vector<std::string> answers;
  };
  const Case cases[] = {
      {{"event-bus"}, "event-bus-without-outbox", {"outbox"}},
      {{"kafka"}, "broker-without-inbox", {"inbox", "idempotency"}},
      {{"nats"}, "broker-without-inbox", {"inbox", "idempotency"}},
      {{"kafka"}, "broker-without-dead-letters", {"dead-letters"}},
      {{"nats"}, "broker-without-dead-letters", {"dead-letters"}},
      {{"kafka"}, "broker-without-graceful", {"graceful"}},
      {{"nats"}, "broker-without-graceful", {"graceful"}},
      {{"kafka"}, "broker-without-health", {"health"}},
      {{"nats"}, "broker-without-health", {"health"}},
      {{"saga"}, "saga-without-outbox", {"outbox"}},
      {{"saga"}, "saga-without-timeout", {"timeout"}},
      {{"saga"}, "saga-without-dead-letters", {"dead-letters"}},
      {{"saga"}, "saga-nobody-sees", {"observability", "health"}},
      {{"outbox"}, "outbox-nobody-watches", {"observability", "health"}},
      {{"retry"}, "retry-without-inbox", {"idempotency", "inbox"}},
      {{"dead-letters"}, "dead-letters-without-inbox", {"inbox", "idempotency"}},
      {{"scheduler"}, "scheduler-without-inbox", {"inbox", "idempotency"}},
      {{"http-api"}, "http-api-without-health", {"health"}},
      {{"http-api"}, "http-api-without-request-id", {"request-id"}},
      {{"http-api"}, "http-api-without-observability", {"observability"}},
      {{"http-api"}, "http-api-without-rate-limiting", {"rate-limiting"}},
      {{"http-api"}, "http-api-without-idempotency", {"idempotency"}},
      {{"http-api"}, "http-api-without-validation", {"validation"}},
      {{"http-api", "repository"}, "http-api-without-audit-log", {"audit-log"}},
      {{"encryption"}, "encryption-without-audit-log", {"audit-log"}},
      {{"sqlite"}, "store-without-migrations", {"migrations"}},
      {{"postgres"}, "store-without-migrations", {"migrations"}},
      {{"rate-limiting"}, "rate-limiting-nobody-sees", {"observability"}},
      {{"circuit-breaker"}, "breaker-nobody-sees", {"observability", "health"}},
      {{"docker", "http-api"}, "docker-without-health", {"health"}},
      {{"worker"}, "worker-without-graceful", {"graceful"}},
      {{"event-sourcing"}, "event-sourcing-without-projection", {"projection"}},
      {{"event-bus"}, "no-tests", {"testing"}},
  };
  for (const auto& one : cases) {
    const auto told = [&](std::set<std::string> asked) { return ids(resolve(catalogue(), asked).or_throw().all); };
    EXPECT_THAT(told(one.asked), ::testing::Contains(one.id)) << ::testing::PrintToString(one.asked);
    for (const auto& answer : one.answers) {
      auto more = one.asked;
      more.insert(answer);
      EXPECT_THAT(told(more), ::testing::Not(::testing::Contains(one.id))) << answer;
    }
  }
  for (const auto& rule : catalogue().warnings) {
    std::set<std::string> answers;
    for (const auto& one : cases)
      if (one.id == rule.id) answers.insert(one.answers.begin(), one.answers.end());
    const bool ends_by_more = !rule.lacks_all.empty() || !rule.lacks_any.empty();
    EXPECT_EQ(!answers.empty(), ends_by_more) << rule.id << " has no case";
    for (const auto& one : rule.lacks_all) EXPECT_TRUE(answers.contains(one)) << one << " ends " << rule.id;
  }
}

TEST(Warnings, of_sqlite_over_a_cluster_ends_with_postgres_in_its_place) {
  EXPECT_THAT(ids({"sqlite", "nats"}), ::testing::Contains("sqlite-over-a-cluster"));
  EXPECT_THAT(ids({"sqlite", "kafka"}), ::testing::Contains("sqlite-over-a-cluster"));
  EXPECT_THAT(ids({"postgres", "nats"}), ::testing::Not(::testing::Contains("sqlite-over-a-cluster")));
  EXPECT_THAT(ids({"sqlite", "event-bus"}), ::testing::Not(::testing::Contains("sqlite-over-a-cluster")));
}

TEST(Warnings, each_says_what_can_happen_and_an_addition_that_ends_it) {
  for (const auto& rule : catalogue().warnings) {
    EXPECT_TRUE(rule.happens.ends_with('.')) << rule.id;
    EXPECT_TRUE(rule.what_to_do.ends_with('.')) << rule.id;
    if (!rule.lacks_all.empty()) {
      EXPECT_THAT(rule.what_to_do, ::testing::StartsWith("tidings add " + rule.lacks_all.front())) << rule.id;
    }
  }
}

TEST(Warnings, each_has_a_choice_that_it_is_told_of) {
  // By what the rule has, closed: a rule that what is required can never let hold is of no use.
  for (const auto& rule : catalogue().warnings) {
    std::set<std::string> asked(rule.has_all.begin(), rule.has_all.end());
    if (!rule.has_any.empty()) asked.insert(rule.has_any.front());
    const auto made = resolve(catalogue(), asked);
    ASSERT_TRUE(made) << rule.id;
    EXPECT_THAT(ids(made->all), ::testing::Contains(rule.id));
  }
}

TEST(Warnings, are_shown_with_what_to_do) {
  const auto text = warnings_text(warnings(catalogue(), {"event-bus"}, {}), false);
  EXPECT_THAT(text, ::testing::StartsWith("critical: event-bus-without-outbox\n  "));
  EXPECT_THAT(text, ::testing::HasSubstr("\n  -> tidings add outbox"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("\x1b")));
  EXPECT_THAT(warnings_text(warnings(catalogue(), {"event-bus"}, {}), true),
              ::testing::StartsWith("\x1b[1;31mcritical\x1b[0m"));
}

}  // namespace
}  // namespace tidings::scaffold
