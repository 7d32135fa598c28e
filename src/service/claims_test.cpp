#include "service/claims.hpp"

#include <filesystem>
#include <fstream>

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct Scan {
  std::string id;
  std::string pixels;
  static constexpr tidings::traits<Scan> event{.name = "test.scan", .topic = "scans", .key = &Scan::id};
};

class ClaimsTest : public ServiceTest {
 protected:
  ClaimsTest() {
    std::string pattern = (fs::temp_directory_path() / "tidings-claims-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    Claims(folder_, 10, {}, *clock_).create().or_throw();
  }
  ~ClaimsTest() override {
    stop();
    service_.reset();
    fs::remove_all(folder_);
  }
  Service& make_with_folder() {
    return make({.settings = {{"claim_check.folder", folder_}, {"claim_check.above", "1000"}}});
  }
  std::vector<fs::path> files() {
    std::vector<fs::path> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      if (entry.is_regular_file() && entry.path().filename() != "tidings-claims") all.push_back(entry.path());
    return all;
  }
  std::string folder_;
  const std::string large_ = std::string(100'000, 'x');
};

TEST_F(ClaimsTest, AFileThatIsThereAlreadyIsAsYoungAsANewOne) {
  const Claims claims(folder_, 10, 1h, system_clock());
  const auto envelope = make_envelope(Scan{"large", large_}, {.source = "elsewhere"}).or_throw();
  claims.deposit(envelope.view()).or_throw();
  fs::last_write_time(files().at(0), fs::file_time_type::clock::now() - 2h);
  claims.deposit(envelope.view()).or_throw();  // the publish failed the first time
  EXPECT_EQ(claims.sweep(), 0U);
  EXPECT_EQ(files().size(), 1U);
  fs::remove(files().at(0));
  claims.deposit(envelope.view()).or_throw();
  EXPECT_EQ(files().size(), 1U) << "it is written anew where it is gone";
}

TEST_F(ClaimsTest, WhatIsDueWhenItsPayloadIsGoneIsRefused) {
  auto& service =
      make({.settings = {{"claim_check.folder", folder_}, {"claim_check.above", "1000"}, {"claim_check.keep", "24h"}}});
  Record<std::string> codes;
  service.on("look", {}, [&](const Order& order, Context& context) -> Result<> {
    const auto later = context.publish_after(Scan{order.id, large_}, 25h);
    codes.add(later ? "" : later.error().code);
    return {};
  });
  publish(Order{"a", 1});
  const auto running = start();
  EXPECT_TRUE(service.publish_after(Scan{"large", large_}, 23h));
  EXPECT_TRUE(service.publish_after(Scan{"small", "y"}, 25h)) << "which is no claim";
  const auto refused = service.publish_after(Scan{"larger", large_ + "x"}, 25h);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "invalid_event");
  EXPECT_NE(refused.error().message.find("claim_check.keep is 1d"), std::string::npos) << refused.error().message;
  ASSERT_TRUE(codes.wait(1));
  EXPECT_EQ(codes.values().front(), "invalid_event");
  EXPECT_EQ(files().size(), 1U) << "nothing is left of what was refused";
}

TEST_F(ClaimsTest, LargePayloadsTravelBesideTheirEvents) {
  auto& service = make_with_folder();
  Record<std::string> seen;
  service.on("look", {}, [&](const Scan& scan) { seen.add(scan.pixels); });
  const auto running = start();
  ASSERT_TRUE(service.publish(Scan{"small", "y"}));
  ASSERT_TRUE(service.publish(Scan{"large", large_}));
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  const auto events = read("scans");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_FALSE(events[0].payload.empty());
  EXPECT_TRUE(events[1].payload.empty());
  EXPECT_EQ(events[1].headers.view().get(claim::size), std::to_string(fs::file_size(files().at(0))));
  EXPECT_EQ(files().size(), 1U);
  const auto values = seen.values();
  EXPECT_EQ(std::ranges::count(values, large_), 1);
  EXPECT_GT(service.payload(events[1].view()).or_throw().size(), large_.size());
}

TEST_F(ClaimsTest, TheLimitOfTheTopicIsForWhatTravels) {
  broker_->create_topic("scans", {.event_bytes_max = 2000}).or_throw();
  auto& service = make_with_folder();
  EXPECT_TRUE(service.publish(Scan{"large", large_}));
}

TEST_F(ClaimsTest, AHandlersPublicationsToo) {
  auto& service = make_with_folder();
  Record<std::size_t> seen;
  service.on("scan", {}, [&](const Order& order, Context& context) { return context.publish(Scan{order.id, large_}); });
  service.on("look", {}, [&](const Batch<Scan>& scans) {
    for (const auto& scan : scans) seen.add(scan.event.pixels.size());
  });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(seen.wait(1)) << lines_.all();
  EXPECT_EQ(seen.values().front(), large_.size());
}

TEST_F(ClaimsTest, WhatIsMissingIsTriedAgainAndParked) {
  auto& service = make_with_folder();
  service.on("look", {.retry = {.immediate = 1, .delayed = 0}}, [&](const Scan&) {});
  ASSERT_TRUE(service.publish(Scan{"large", large_}));
  fs::remove(files().at(0));
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("scans", "test.look").parked == 1; })) << lines_.all();
  const auto dead = letters("test.look.dead-letters");
  EXPECT_EQ(dead.at(0).headers.view().get(dead_letter::code), "claim_missing");
  EXPECT_EQ(dead.at(0).headers.view().get(dead_letter::attempts), "2");
  EXPECT_TRUE(Claims::is_ticket(dead.at(0).view())) << "so that it can be driven again";
}

TEST_F(ClaimsTest, WhatIsDamagedIsParkedAtOnce) {
  auto& service = make_with_folder();
  service.on("look", {}, [&](const Scan&) { ADD_FAILURE() << "it is not what was published"; });
  ASSERT_TRUE(service.publish(Scan{"large", large_}));
  {
    std::fstream file(files().at(0), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5000);
    file.put('z');
  }
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("scans", "test.look").parked == 1; })) << lines_.all();
  EXPECT_EQ(letters("test.look.dead-letters").at(0).headers.view().get(dead_letter::code), "claim_damaged");
}

TEST_F(ClaimsTest, WhatIsCutOffSaysHowMuchIsThere) {
  const Claims claims(folder_, 10, {}, *clock_);
  Envelope envelope;
  envelope.id = "1";
  envelope.payload = large_;
  claims.deposit(envelope.view()).or_throw();
  fs::resize_file(files().at(0), 5000);
  const auto redeemed = claims.redeem(claims.ticket(envelope.view()).view());
  ASSERT_FALSE(redeemed);
  EXPECT_EQ(redeemed.error().code, "claim_damaged");
  EXPECT_EQ(redeemed.error().retry, Retry::never) << "files come whole or not at all: waiting mends nothing";
  EXPECT_NE(redeemed.error().message.find("it has 5000 bytes, and had 100000"), std::string::npos)
      << redeemed.error().message;
}

TEST_F(ClaimsTest, DraftsOfKilledProcessesAreSwept) {
  ManualClock clock(system_clock().now());
  const Claims claims(folder_, 10, {}, clock);
  Envelope envelope;
  envelope.id = "1";
  envelope.payload = large_;
  claims.deposit(envelope.view()).or_throw();
  const auto payload = files().at(0).string();
  std::ofstream(payload + "~") << "half of it";
  std::ofstream(folder_ + "/of others~") << "no draft of ours";
  EXPECT_EQ(claims.sweep(), 0U);
  EXPECT_EQ(files().size(), 3U) << "it may be written just now";
  clock.advance(2h);
  EXPECT_EQ(claims.sweep(), 0U) << "payloads are kept for ever";
  EXPECT_FALSE(fs::exists(payload + "~"));
  EXPECT_EQ(files().size(), 2U);
}

TEST_F(ClaimsTest, AFolderThatIsNotMountedIsNotFilled) {
  auto& service = make_with_folder();
  Record<std::string> seen;
  service.on("look", {.retry = {.immediate = 0, .delayed = 1'000, .first = 1ms, .longest = 1ms}},
             [&](const Scan& scan) { seen.add(scan.pixels); });
  ASSERT_TRUE(service.publish(Scan{"large", large_}));
  fs::rename(folder_, folder_ + ".away");
  fs::create_directory(folder_);  // as a mount point is
  const auto refused = service.publish(Scan{"larger", large_ + "x"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "no_claim_folder");
  EXPECT_EQ(refused.error().retry, Retry::same_call);
  EXPECT_TRUE(fs::is_empty(folder_));
  const Claims claims(folder_, 10, {}, *clock_);
  EXPECT_EQ(claims.redeem(read("scans").at(0).view()).error().code, "no_claim_folder");
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return service.stats("look")->failed > 0; }));
  fs::remove(folder_);
  fs::rename(folder_ + ".away", folder_);
  EXPECT_TRUE(seen.wait(1)) << "it goes on by itself";
}

TEST_F(ClaimsTest, AFolderIsMadeWhereThatIsAsked) {
  const auto fresh = folder_ + "/fresh/folder";
  const auto with = [&](const std::string& create) {
    return Service::create({.name = "test",
                            .broker = broker_.get(),
                            .settings = {{"claim_check.folder", fresh},
                                         {"claim_check.above", "1000"},
                                         {"claim_check.create", create}},
                            .log = &lines_})
        .or_throw();
  };
  EXPECT_EQ(with("false").publish(Scan{"large", large_}).error().code, "no_claim_folder");
  EXPECT_EQ(lines_.count("claim_check.folder: " + fresh + " has no file tidings-claims"), 1U) << lines_.all();
  EXPECT_TRUE(with("true").publish(Scan{"large", large_}));
  EXPECT_TRUE(with("false").publish(Scan{"other", large_})) << "once is enough";
}

TEST_F(ClaimsTest, OthersTextIsNoPath) {
  const Claims claims(folder_, 10, {}, *clock_);
  for (const std::string name : {"../../etc/passwd", "", "0123456789abcdef0123456789abcde/", "x"}) {
    Envelope envelope;
    envelope.headers.set(claim::name, name);
    envelope.headers.set(claim::size, "1");
    EXPECT_EQ(claims.redeem(envelope.view()).error().code, "claim_damaged") << name;
  }
}

TEST_F(ClaimsTest, AServiceWithoutTheFolderSaysSo) {
  Envelope envelope;
  envelope.id = "1";
  envelope.type = "test.scan";
  envelope.payload = large_;
  ManualClock clock;
  const auto ticket = Claims(folder_, 10, {}, clock).ticket(envelope.view());
  const auto redeemed = Claims("", 10, {}, clock).redeem(ticket.view());
  EXPECT_EQ(redeemed.error().code, "no_claim_folder");
}

TEST_F(ClaimsTest, OldFilesAreSwept) {
  Envelope envelope;
  envelope.id = "1";
  envelope.payload = large_;
  ManualClock clock(system_clock().now());
  const Claims claims(folder_, 10, 24h, clock);
  ASSERT_TRUE(claims.deposit(envelope.view()));
  std::ofstream(folder_ + "/of others.payload") << "no payload of ours";
  EXPECT_EQ(claims.sweep(), 0U);
  EXPECT_TRUE(claims.redeem(claims.ticket(envelope.view()).view()));
  clock.advance(25h);
  EXPECT_EQ(claims.sweep(), 1U);
  EXPECT_EQ(claims.redeem(claims.ticket(envelope.view()).view()).error().code, "claim_missing");
  EXPECT_EQ(files().size(), 1U);
}

}  // namespace
}  // namespace tidings::service
