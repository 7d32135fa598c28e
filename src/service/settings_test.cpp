#include "service/settings.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() : before_(std::filesystem::current_path()) {
    std::string name = (std::filesystem::temp_directory_path() / "tidings-settings-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    std::filesystem::current_path(folder_);
  }
  ~SettingsTest() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }

  static void file(const std::string& name, const std::string& text) { std::ofstream(name) << text; }
  static Result<Settings> read(std::vector<const char*> flags = {}, std::vector<const char*> environment = {}) {
    environment.push_back(nullptr);
    static const std::vector<Setting> own{{"stock", "items at the start", "unlimited"},
                                          {"mail.password", "of the mail server", "", true}};
    return Settings::read("inventory", own, flags, environment.data());
  }
  static std::string message(std::vector<const char*> flags, std::vector<const char*> environment = {}) {
    auto settings = read(std::move(flags), std::move(environment));
    return settings ? "no error" : settings.error().message;
  }
  static std::string message_of_file(const std::string& text) {
    file("inventory.toml", text);
    return message({});
  }

 private:
  std::filesystem::path before_;
  std::filesystem::path folder_;
};

TEST_F(SettingsTest, have_defaults) {
  const auto settings = read().or_throw();
  EXPECT_EQ(settings.text("broker"), "log:./tidings-data");
  EXPECT_EQ(settings.text("namespace"), "");
  EXPECT_EQ(settings.duration("drain"), 30s);
  EXPECT_EQ(settings.text("stock"), "unlimited");
  const auto options = settings.handler("take", {.concurrency = 7});
  EXPECT_EQ(options.concurrency, 7U);
  EXPECT_EQ(options.retry.immediate, 3);
}

TEST_F(SettingsTest, flags_beat_the_environment_beats_the_file) {
  file("inventory.toml",
       "version = 1\nbroker = 'memory:file'\nstock = 5\ndrain = '5s'\n[handlers.reserve-stock]\nconcurrency = 2\n"
       "in_flight_max = 50\n[handlers.reserve-stock.retry]\nfirst = '2s'\n");
  auto settings = read().or_throw();
  EXPECT_EQ(settings.text("broker"), "memory:file");
  EXPECT_EQ(settings.text("stock"), "5");
  EXPECT_EQ(settings.handler("reserve-stock", {}).concurrency, 2U);
  EXPECT_EQ(settings.handler("reserve-stock", {}).in_flight_max, 50U);
  EXPECT_EQ(settings.handler("reserve-stock", {}).retry.first, 2s);
  EXPECT_EQ(settings.handler("other", {}).concurrency, 4U);

  const std::vector<const char*> environment{"TIDINGS_BROKER=memory:environment",
                                             "TIDINGS_HANDLERS__RESERVE_STOCK__CONCURRENCY=3", "TIDINGS_STOCK=6",
                                             "HOME=/nowhere"};
  settings = read({}, environment).or_throw();
  EXPECT_EQ(settings.text("broker"), "memory:environment");
  EXPECT_EQ(settings.text("stock"), "6");
  EXPECT_EQ(settings.handler("reserve-stock", {}).concurrency, 3U);
  EXPECT_EQ(settings.duration("drain"), 5s);

  settings =
      read({"--broker=memory:flag", "--set", "handlers.reserve-stock.concurrency=8", "--stock", "7"}, environment)
          .or_throw();
  EXPECT_EQ(settings.text("broker"), "memory:flag");
  EXPECT_EQ(settings.text("stock"), "7");
  EXPECT_EQ(settings.handler("reserve-stock", {}).concurrency, 8U);
}

TEST_F(SettingsTest, lanes_are_for_every_handler_but_those_that_say_otherwise) {
  const auto settings = read({"--lanes", "2", "--set", "handlers.a.concurrency=9"}).or_throw();
  EXPECT_EQ(settings.handler("a", {}).concurrency, 9U);
  EXPECT_EQ(settings.handler("b", {.concurrency = 16}).concurrency, 2U);
}

TEST_F(SettingsTest, another_file_may_be_named) {
  file("inventory.toml", "version = 1\nstock = 1\n");
  file("other.toml", "version = 1\nstock = 2\n");
  EXPECT_EQ(read({"--config", "other.toml"})->text("stock"), "2");
  EXPECT_EQ(message({"--config", "none.toml"}), "none.toml cannot be read: No such file or directory");
}

TEST_F(SettingsTest, a_rebuild_and_a_description_are_flags_with_a_value) {
  auto settings = Settings::make("shop", {}).or_throw();
  const std::array<const char*, 3> both{"--rebuild", "order-totals", "--anew"};
  ASSERT_TRUE(settings.read_flags(both));
  EXPECT_EQ(settings.rebuild(), "order-totals");
  EXPECT_TRUE(settings.anew());
  auto drawn = Settings::make("shop", {}).or_throw();
  const std::array<const char*, 1> diagrams{"--describe=mermaid"};
  ASSERT_TRUE(drawn.read_flags(diagrams));
  EXPECT_TRUE(drawn.describe());
  EXPECT_TRUE(drawn.diagrams());
  auto alone = Settings::make("shop", {}).or_throw();
  const std::array<const char*, 1> anew{"--anew"};
  EXPECT_FALSE(alone.read_flags(anew));
  const std::array<const char*, 1> valueless{"--rebuild"};
  EXPECT_FALSE(alone.read_flags(valueless));
}

TEST_F(SettingsTest, what_is_unknown_is_named_with_its_place_and_the_nearest) {
  EXPECT_EQ(message({"--brokr", "x"}), "there is no flag '--brokr'; did you mean '--broker'?");
  EXPECT_EQ(message({"--stok=5"}), "there is no flag '--stok'; did you mean '--stock'?");
  EXPECT_EQ(message({"stock"}), "'stock' is no flag; see --help");
  EXPECT_EQ(message({"--describe=xml"}), "--describe: 'xml' is none of json and mermaid");
  EXPECT_EQ(message({}, {"TIDINGS_BROKR=x"}),
            "there is no environment variable 'TIDINGS_BROKR'; did you mean 'TIDINGS_BROKER'?");
  EXPECT_EQ(message_of_file("version = 1\n\nnamspace = 'a'\n"),
            "inventory.toml:3: there is no setting 'namspace'; did you mean 'namespace'?");
  EXPECT_EQ(message_of_file("version = 1\n[handlers.reserve]\nconcurency = 4\n"),
            "inventory.toml:3: there is no setting 'handlers.reserve.concurency'; did you mean "
            "'handlers.reserve.concurrency'?");
  std::filesystem::remove("inventory.toml");
  EXPECT_EQ(message({"--set", "handlers.a.retry.imediate=1"}),
            "--set: there is no setting 'handlers.a.retry.imediate'; did you mean 'handlers.a.retry.immediate'?");
  EXPECT_EQ(message({"--set", "quite-something-else=1"}),
            "--set: there is no setting 'quite-something-else'; see --help");
  EXPECT_EQ(message({"--set", "handler.reserve.concurrency=1"}),
            "--set: there is no setting 'handler.reserve.concurrency'; did you mean 'handlers.reserve.concurrency'?");
}

TEST_F(SettingsTest, a_handler_that_is_not_there_is_named_with_the_nearest) {
  file("inventory.toml", "version = 1\n[handlers.reserv-stock]\nconcurrency = 4\n");
  const auto settings = read().or_throw();
  const std::vector<std::string> names{"release-stock", "reserve-stock"};
  const auto fine = settings.check_handlers(names);
  ASSERT_FALSE(fine);
  EXPECT_EQ(fine.error().message,
            "inventory.toml:3: there is no handler 'reserv-stock'; did you mean 'reserve-stock'?");
}

TEST_F(SettingsTest, a_handler_like_none_that_is_there_is_told_with_all) {
  file("inventory.toml", "version = 1\n[handlers.x]\nconcurrency = 4\n");
  const auto settings = read().or_throw();
  const std::vector<std::string> names{"release-stock", "reserve-stock"};
  const auto fine = settings.check_handlers(names);
  ASSERT_FALSE(fine);
  EXPECT_EQ(fine.error().message,
            "inventory.toml:3: there is no handler 'x'; the handlers are release-stock, reserve-stock");
}

TEST_F(SettingsTest, wrong_values_say_what_would_be_right) {
  EXPECT_EQ(message({"--lanes", "many"}), "--lanes: lanes must be a whole number from 1 to 256, not 'many'");
  EXPECT_EQ(message({"--lanes", "0"}), "--lanes: lanes must be a whole number from 1 to 256, not '0'");
  EXPECT_EQ(message({"--lanes", "-1"}), "--lanes: lanes must be a whole number from 1 to 256, not '-1'");
  EXPECT_EQ(message({"--lanes", "99999999999999999999"}),
            "--lanes: lanes must be a whole number from 1 to 256, not '99999999999999999999'");
  EXPECT_EQ(message({"--drain", "soon"}),
            "--drain: drain must be a time such as \"30s\", from 0s to 3600s, not 'soon'");
  EXPECT_EQ(message({"--namespace", "a/../b"}),
            "--namespace: namespace must be letters, digits, '.', '_' and '-', at most 200, not 'a/../b'");
  EXPECT_EQ(message({"--log-level"}), "--log-level wants a value");
  EXPECT_EQ(message({"--set", "lanes"}),
            "--set wants NAME=VALUE, such as handlers.reserve-stock.concurrency=8; not 'lanes'");
  EXPECT_EQ(message({}, {"TIDINGS_LOG_LEVEL=loud\x1b[31m"}),
            "TIDINGS_LOG_LEVEL: log_level must be one of debug, info, warning, error, not 'loud\\x1B[31m'");
  EXPECT_EQ(message_of_file("version = 1\nlanes = 'many'\n"),
            "inventory.toml:2: lanes must be a whole number from 1 to 256, not the text 'many'");
  EXPECT_EQ(message_of_file("version = 1\ndrain = 30\n"),
            "inventory.toml:2: drain must be a time such as \"30s\", from 0s to 3600s, not the number 30");
  EXPECT_EQ(message_of_file("version = 1\ncreate_topics = 'yes'\n"),
            "inventory.toml:2: create_topics must be true or false, not 'yes'");
  EXPECT_EQ(message_of_file("version = 1\nbroker = ['a']\n"),
            "inventory.toml:2: broker must be a text, not a table, a list, a fraction or a date");
}

TEST_F(SettingsTest, a_file_says_its_version) {
  EXPECT_EQ(message_of_file("stock = 4\n"),
            "inventory.toml does not say its version; write 'version = 1' in its first line");
  EXPECT_EQ(message_of_file("version = 2\n"), "inventory.toml:1: this program reads settings of version 1 only");
  EXPECT_TRUE(message_of_file("version = 1\nstock =\n").starts_with("inventory.toml:2 is no TOML: "));
}

TEST_F(SettingsTest, whatever_stands_in_a_file_is_an_error_with_its_line) {
  for (const auto* const wrong :
       {"[.]",  "[[",    "[(",   "[",     "[]",    "[[]]",   "[\x01]",  "[a.]",     "[a..b]",    "[[a]",  ".",
        "= 1",  "a.",    "a.=1", "a = [", "a = {", "a = \"", "a = '''", "a = \"\\", "a = 1979-", "a = +", "\"",
        "\xff", "a = ]", "[a]]", "(",     "a = (", "[=",     "[[.",     "a = {b",   "a = {.",    "{"}) {
    const auto text = message_of_file("version = 1\n" + std::string(wrong));
    EXPECT_TRUE(text.starts_with("inventory.toml:2")) << wrong << ": " << text;
  }
  std::string parts = "a";
  for (int i = 0; i < 200'000; ++i) parts += ".a";
  const std::string deep = " has a key of more than 16 parts; no setting has so many";
  EXPECT_EQ(message_of_file("version = 1\nstock = '...................'\n" + parts + " = 1\n"),
            "inventory.toml:3" + deep);
  EXPECT_EQ(message_of_file("version = 1\nstock = \"\"\"\n\"\"\"\n[" + parts + "]\n"), "inventory.toml:4" + deep);
  EXPECT_EQ(message_of_file("version = 1\n# ....................\na = {b = 1, " + parts + " = 1}\n"),
            "inventory.toml:3" + deep);
  const std::string text = "\"\"\"\n....\n.........\\\"\"\"........\n\"\"\"";
  EXPECT_EQ(message_of_file("version = 1\nstock = " + text + " # 'it\ndrain = '5s'"), "no error");
  std::string nested = "version = 1\nx = ";
  for (int i = 0; i < 5'000; ++i) nested += "{a.b.c.d = ";
  EXPECT_TRUE(message_of_file(nested).starts_with("inventory.toml:2 is no TOML: "));
  EXPECT_EQ(message_of_file("version = 1\n#" + std::string(std::size_t{1} << 20, 'x')),
            "inventory.toml is larger than 1 MiB, which no settings are");
  EXPECT_EQ(message({"--config", "/dev/zero"}), "/dev/zero is larger than 1 MiB, which no settings are");
}

TEST_F(SettingsTest, may_come_from_a_pipe_but_not_hold_up_the_start) {
  ASSERT_EQ(::mkfifo("pipe.toml", 0600), 0);
  const auto began = std::chrono::steady_clock::now();
  const auto nobody = read_settings_text("pipe.toml", 50ms);
  ASSERT_FALSE(nobody) << "nobody writes into it";
  EXPECT_NE(nobody.error().message.find("pipe.toml is no regular file"), std::string::npos) << nobody.error().message;
  {
    const int idle = ::open("pipe.toml", O_RDWR | O_CLOEXEC);  // somebody has it open, and says nothing
    EXPECT_FALSE(read_settings_text("pipe.toml", 50ms));
    ::close(idle);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 4s);
  {
    std::jthread writer([] { file("pipe.toml", "version = 1\nstock = \"9\""); });  // waits until it is read
    EXPECT_EQ(read({"--config", "pipe.toml"}).or_throw().text("stock"), "9");
  }
  // As a shell gives the output of a command.
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::jthread writer([&] {
    for (const std::string part : {"version = 1\n", "stock = \"8\"\n"}) {
      EXPECT_EQ(::write(ends[1], part.data(), part.size()), static_cast<ssize_t>(part.size()));
      std::this_thread::sleep_for(5ms);
    }
    ::close(ends[1]);
  });
  const auto name = "/dev/fd/" + std::to_string(ends[0]);
  EXPECT_EQ(read({"--config", name.c_str()}).or_throw().text("stock"), "8");
  writer.join();
  ::close(ends[0]);
  std::filesystem::create_directory("folder.toml");
  EXPECT_EQ(message({"--config", "folder.toml"}), "folder.toml cannot be read: Is a directory");
}

TEST_F(SettingsTest, secrets_are_not_shown) {
  const auto settings = read({"--mail.password", "hunter2", "--broker", "nats://user:hunter2@host:4222"}).or_throw();
  EXPECT_EQ(settings.text("mail.password"), "hunter2");
  EXPECT_EQ(settings.help_text().find("hunter2"), std::string::npos);
  EXPECT_EQ(without_password(settings.text("broker")), "nats://user:***@host:4222");
  EXPECT_EQ(without_password("nats://token@host"), "nats://***@host");
  EXPECT_EQ(without_password("log:./a@b"), "log:./a@b");
}

TEST_F(SettingsTest, help_tells_every_setting) {
  const auto help = read({"--help"})->help_text();
  for (const auto* part : {"--broker", "TIDINGS_BROKER", "default: log:./tidings-data", "--log-level", "--stock",
                           "TIDINGS_STOCK", "default: unlimited", "TIDINGS_MAIL__PASSWORD",
                           "--set handlers.*.retry.first=VALUE", "one of debug, info, warning, error"})
    EXPECT_NE(help.find(part), std::string::npos) << part << "\n" << help;
}

TEST_F(SettingsTest, a_setting_of_ones_own_may_not_take_a_name) {
  const std::vector<Setting> own{{"log-level", "", ""}};
  const auto made = Settings::make("inventory", own);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "the service's own setting 'log-level' has a name that is taken");
}

}  // namespace
}  // namespace tidings::service
