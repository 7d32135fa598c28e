// What settings say of sealing, what descriptions tell of it, and keys that change.
#include <sys/stat.h>

#include <filesystem>

#include "service/host.hpp"
#include "service/sealing.hpp"
#include "service/sealing_testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

TEST_F(SealingTest, ASettingSealsWhatDoesNotAskForIt) {
  auto& service = make_with_keys({{"encryption.types", "test.con*, test.ti?k"}});
  Record<std::string> seen;
  service.on("send", {}, [&](const Confirmed& confirmed) { seen.add(confirmed.text); });
  const auto running = start();
  service.publish(Confirmed{"a", "dear Ada"}).or_throw();
  service.publish(Tick{1}).or_throw();
  service.publish(Order{"a", 1}).or_throw();
  ASSERT_TRUE(seen.wait(1)) << lines_.all();
  EXPECT_EQ(seen.values().front(), "dear Ada");
  EXPECT_EQ(sealed("mails"), 1U);
  EXPECT_EQ(sealed("ticks"), 1U);
  EXPECT_FALSE(is_sealed(read("orders").front().view()));
}

TEST(SealingTypes, AreGlobs) {
  Sealing sealing;
  sealing.open({.keys = old_key, .types = "shop.*.paid,a?c, exact"}).or_throw();
  for (const auto* const type : {"shop.eu.paid", "shop..paid", "shop.a.b.paid", "abc", "exact"})
    EXPECT_TRUE(sealing.names_type(type)) << type;
  for (const auto* const type : {"shop.paid", "shop.eu.paid2", "ac", "abbc", "exactly", "", "tidings.schedule-tick"})
    EXPECT_FALSE(sealing.names_type(type)) << type;
  Sealing all;
  all.open({.keys = old_key, .types = "*"}).or_throw();
  EXPECT_TRUE(all.names_type("anything"));
  EXPECT_FALSE(all.names_type("tidings.pause.requested"));
}

TEST_F(SealingTest, SettingsSayWhatIsWrong) {
  const auto code = [&](std::vector<SettingValue> settings) {
    const auto made =
        Service::create({.name = "test", .broker = broker_.get(), .settings = std::move(settings), .log = &lines_});
    return made ? std::string() : made.error().code + " " + made.error().message;
  };
  EXPECT_TRUE(code({{"encryption.keys", "2026:nothing"}}).starts_with("invalid_keys encryption.keys: key 1"));
  EXPECT_TRUE(code({{"encryption.key_file", folder_.path() + "/none"}}).starts_with("no_file encryption.key_file: "));
  EXPECT_TRUE(code({{"encryption.types", "shop.*"}}).starts_with("no_key "));
  EXPECT_TRUE(code({{"encryption.keys", old_key}, {"encryption.key_file", "keys"}}).starts_with("invalid_setting "));
  EXPECT_TRUE(code({{"encryption.refuse_plain", "true"}}).starts_with("no_key "));
  for (const auto* const types : {"a;b", "a b", "a,b c", "a, b\tc", "a|b", "a=b", "\"a\"", "a,\nb"}) {
    const auto said = code({{"encryption.keys", old_key}, {"encryption.types", types}});
    EXPECT_TRUE(said.starts_with("invalid_setting entry ")) << types << ": " << said;
  }
}

// Whatever is put where by mistake.
TEST_F(SealingTest, SettingsThatAreWrongShowNoKey) {
  const auto key = old_key.substr(old_key.find(':') + 1);
  for (const auto& wrong : {old_key, key}) {
    for (const auto* const name : {"encryption.types", "encryption.key_file", "encryption.reload",
                                   "encryption.refuse_plain", "encryption.key"}) {
      const auto made = Service::create({.name = "test",
                                         .broker = broker_.get(),
                                         .settings = {{"encryption.keys", new_key}, {name, wrong}},
                                         .log = &lines_});
      ASSERT_FALSE(made) << name;
      EXPECT_EQ(made.error().message.find(key.substr(0, 8)), std::string::npos) << made.error().message;
    }
    const auto file = Keyring::from_file(wrong);
    EXPECT_EQ(file.error().code, "invalid_keys");
    EXPECT_EQ(file.error().message.find(key.substr(0, 8)), std::string::npos) << file.error().message;
  }
}

TEST_F(SealingTest, DescriptionsTellWhatIsSealedAndByWhichKey) {
  auto& service = make_with_keys({{"encryption.types", "test.conf*"}}, new_key + "," + old_key);
  service.on<Payment, Order>("book", {}, [](const auto&) {});
  service.publishes<Confirmed>("book").publishes<Receipt>("book").publishes<Tick>("book");
  const auto told = service.describe();
  EXPECT_EQ(told.encryption,
            (ServiceDescription::Encryption{.key = "2027", .opens = {"2027", "2026"}, .types = {"test.conf*"}}));
  ASSERT_EQ(told.handlers.at(0).events.size(), 2U);
  EXPECT_TRUE(told.handlers[0].events[0].encrypted);
  EXPECT_FALSE(told.handlers[0].events[1].encrypted);
  EXPECT_TRUE(told.publishes.at(0).encrypted) << "by the setting";
  EXPECT_TRUE(told.publishes.at(1).encrypted);
  EXPECT_FALSE(told.publishes.at(2).encrypted);
  const auto& steps = told.handlers[0].steps;
  const auto open = std::ranges::find(steps, "open", &ServiceDescription::Step::name);
  ASSERT_NE(open, steps.end());
  EXPECT_EQ(open->does, "opens what is sealed with key 2027, 2026");
}

class ReloadTest : public SealingTest {
 protected:
  void write(const std::string& text) {
    const auto path = folder_.path() + "/keys";
    std::filesystem::remove(path);
    folder_.write("keys", text).or_throw();
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  }
};

TEST_F(ReloadTest, KeysChangeWithoutARestart) {
  write(old_key);
  auto& service = make({.settings = {{"encryption.key_file", folder_.path() + "/keys"}, {"encryption.reload", "1s"}}});
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.id); });
  const auto running = start();
  service.publish(Payment{"a"}).or_throw();
  ASSERT_TRUE(seen.wait(1));
  write(new_key + "\n" + old_key + "\n");
  ASSERT_TRUE(eventually([&] { return lines_.count("seals with key 2027 from now on, and opens 2027, 2026") == 1; }))
      << lines_.all();
  service.publish(Payment{"b"}).or_throw();
  auto before = make_envelope(Payment{"c"}, {.source = "elsewhere"}).or_throw();
  keyring(old_key).seal(before).or_throw();
  publish_raw("payments", before);
  ASSERT_TRUE(seen.wait(3)) << lines_.all();
  std::vector<std::string> keys;
  for (const auto& event : read("payments")) keys.emplace_back(seal_key(event.view()));
  std::ranges::sort(keys);
  EXPECT_EQ(keys, (std::vector<std::string>{"2026", "2026", "2027"}));
}

TEST_F(ReloadTest, AFileThatCannotBeReadChangesNothing) {
  write(old_key);
  Sealing sealing;
  sealing.open({.key_file = folder_.path() + "/keys", .reload = 10s}).or_throw();
  Host host{.service = "test", .log = &lines_};
  SteadyTime now{1h};
  const auto look = [&] { sealing.look(now += 10s, host); };
  const auto path = folder_.path() + "/keys";
  look();
  EXPECT_EQ(lines_.all(), "");
  for (const auto* const wrong : {"", "2027:short", "# none yet\n"}) {
    write(wrong);
    look();
    EXPECT_EQ(sealing.keys().sealing_id(), "2026");
  }
  write(new_key);
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  look();
  EXPECT_EQ(sealing.keys().sealing_id(), "2026");
  std::filesystem::remove(path);
  look();
  EXPECT_EQ(sealing.keys().sealing_id(), "2026");
  EXPECT_GE(lines_.count("keeps its keys"), 3U) << lines_.all();
  write(new_key);
  sealing.look(now + 9s, host);
  EXPECT_EQ(sealing.keys().sealing_id(), "2026") << "it is not looked yet";
  look();
  EXPECT_EQ(sealing.keys().sealing_id(), "2027");
  EXPECT_EQ(lines_.count("reads its keys again"), 1U);
  EXPECT_EQ(lines_.count(new_key.substr(5, 10)), 0U);
}

TEST_F(ReloadTest, KeysThatAreGoneAreToldOfByTheirIds) {
  write(new_key + "\n" + old_key + "\n");
  Sealing sealing;
  sealing.open({.key_file = folder_.path() + "/keys", .reload = 10s}).or_throw();
  Host host{.service = "test", .log = &lines_};
  SteadyTime now{1h};
  write(new_key + "\n");  // cut at the end of a line
  sealing.look(now += 10s, host);
  EXPECT_EQ(lines_.count("has keys no more that it had, or others under their ids: 2026;"), 1U) << lines_.all();
  lines_.clear();
  write(new_key + "\n" + old_key + "\n");
  sealing.look(now += 10s, host);
  EXPECT_EQ(lines_.count("has keys no more"), 0U) << lines_.all();
  write(key_text("2027", 7) + "\n" + old_key + "\n" + key_text("2028", 8) + "\n");
  sealing.look(now += 10s, host);
  EXPECT_EQ(lines_.count("under their ids: 2027;"), 1U) << lines_.all();
  EXPECT_EQ(lines_.count(old_key.substr(5, 10)), 0U);
}

// A log that asks the service for something must not wait for itself.
TEST_F(ReloadTest, KeysMayBeAskedForWhileALineIsWritten) {
  class Asking final : public LogSink {
   public:
    explicit Asking(const Sealing& sealing) : sealing_(sealing) {}
    void write(LogLevel, std::string_view) override { ids_ = sealing_.keys().ids(); }
    std::vector<std::string> ids_;

   private:
    const Sealing& sealing_;
  };
  write(old_key);
  Sealing sealing;
  sealing.open({.key_file = folder_.path() + "/keys", .reload = 10s}).or_throw();
  Asking log(sealing);
  Host host{.service = "test", .log = &log};
  write(new_key);
  sealing.look(SteadyTime{1h}, host);
  EXPECT_EQ(log.ids_, std::vector<std::string>{"2027"});
}

}  // namespace
}  // namespace tidings::service
