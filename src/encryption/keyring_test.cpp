#include "tidings/encryption/keyring.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "testing/servers/keys.hpp"
#include "testing/servers/temporary_folder.hpp"

namespace tidings {
namespace {

using testing::key_text;
using testing::keyring;

using Ids = std::vector<std::string>;

TEST(Keyring, TheFirstKeySealsAndAllAreThere) {
  const auto keys = keyring(key_text("2027", 1) + "," + key_text("2026", 2));
  EXPECT_FALSE(keys.empty());
  EXPECT_EQ(keys.sealing_id(), "2027");
  EXPECT_EQ(keys.ids(), (Ids{"2027", "2026"}));
  EXPECT_TRUE(Keyring().empty());
  EXPECT_EQ(Keyring().sealing_id(), "");
}

TEST(Keyring, LinesBlanksAndRemarksDoNotCount) {
  const auto keys = keyring("# new since autumn, ours\r\n\n " + key_text("a_b", 1) + " ,\r\n\t" + key_text("c-d", 2) +
                            "\n,\n   # old:none\n");
  EXPECT_EQ(keys.ids(), (Ids{"a_b", "c-d"}));
  for (const auto* const none : {"", "\n", " ", ",", ",,\n,", "#", "# a:b"}) EXPECT_TRUE(keyring(none).empty()) << none;
}

TEST(Keyring, AHostileTextIsRefusedAndNothingOfItIsShown) {
  const auto key = key_text("", 3).substr(1);
  const std::string placeholder(32, 'x');
  for (const auto& text :
       std::vector<std::string>{"2026", key, ":" + key, "2026:", "2026:" + key.substr(4), "2026:" + key + "AAAA",
                                "2026:" + to_base64(std::string(31, 'a') + "b").substr(1), "2026:!" + key.substr(1),
                                "2026:" + to_base64(placeholder), "20 26:" + key, "ä:" + key, "a.b:" + key,
                                "a/b:" + key, std::string(65, 'a') + ":" + key, std::string("a\0b:", 4) + key,
                                "2026::" + key, "2026:" + key + ",2026:" + key_text("", 4).substr(1), "2026;" + key,
                                "2026:" + key.substr(0, 20) + "\n" + key.substr(20),
                                // Keys where ids belong, which are told to all.
                                key.substr(0, 43) + ":" + key, std::string(32, 'a') + std::string(32, '7') + ":" + key,
                                key.substr(0, 10) + ":" + key + "," + key.substr(0, 10) + ":" + key}) {
    const auto keys = Keyring::from_text(text);
    ASSERT_FALSE(keys) << text;
    EXPECT_EQ(keys.error().code, "invalid_keys");
    EXPECT_EQ(keys.error().retry, Retry::never);
    EXPECT_EQ(keys.error().message.find(key.substr(0, 8)), std::string::npos) << keys.error().message;
  }
  EXPECT_TRUE(Keyring::from_text(std::string(64, 'x') + ":" + key));
}

TEST(Keyring, TellsTheSameKeysFromOthers) {
  const auto keys = keyring(key_text("a", 1) + "," + key_text("b", 2));
  EXPECT_TRUE(keys.has_same_keys(keyring(key_text("a", 1) + "\n" + key_text("b", 2))));
  EXPECT_FALSE(keys.has_same_keys(keyring(key_text("b", 2) + "," + key_text("a", 1))));
  EXPECT_FALSE(keys.has_same_keys(keyring(key_text("a", 1))));
  EXPECT_FALSE(keys.has_same_keys(keyring(key_text("a", 1) + "," + key_text("b", 3))));
  EXPECT_FALSE(keys.has_same_keys(keyring(key_text("a", 1) + "," + key_text("c", 2))));
}

TEST(Keyring, TellsWhichKeysAreGone) {
  const auto before = keyring(key_text("a", 1) + "," + key_text("b", 2));
  EXPECT_EQ(keyring(key_text("b", 2) + "," + key_text("a", 1) + "," + key_text("c", 3)).ids_gone_since(before), Ids{});
  EXPECT_EQ(keyring(key_text("a", 1)).ids_gone_since(before), Ids{"b"});
  EXPECT_EQ(keyring(key_text("a", 4) + "," + key_text("b", 2)).ids_gone_since(before), Ids{"a"});
  EXPECT_EQ(Keyring().ids_gone_since(before), (Ids{"a", "b"}));
}

class KeyFile : public ::testing::Test {
 protected:
  void write(const std::string& text, mode_t mode = 0600) const {
    std::filesystem::remove(path_);  // who is not root cannot write to all of them
    made_.write("keys", text).or_throw();
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  const testing::TemporaryFolder made_ = testing::TemporaryFolder::make("keys").or_throw();
  const std::string& folder_ = made_.path();
  const std::string path_ = folder_ + "/keys";
};

TEST_F(KeyFile, IsReadWhereNobodyElseMayReadIt) {
  for (const auto mode : {0600U, 0400U, 0440U, 0640U}) {
    write(key_text("2026", 1) + "\n", mode);
    EXPECT_TRUE(Keyring::from_file(path_)) << std::oct << mode;
  }
  for (const auto mode : {0644U, 0604U, 0602U, 0601U, 0660U, 0620U, 0666U}) {
    write(key_text("2026", 1) + "\n", mode);
    const auto keys = Keyring::from_file(path_);
    ASSERT_FALSE(keys) << std::oct << mode;
    EXPECT_EQ(keys.error().code, "insecure_file");
    EXPECT_NE(keys.error().message.find("chmod 600 " + path_), std::string::npos) << keys.error().message;
  }
}

TEST_F(KeyFile, MayBeALinkAsSecretsOfKubernetesAre) {
  write(key_text("2026", 1));
  std::filesystem::create_symlink(path_, folder_ + "/link");
  EXPECT_EQ(Keyring::from_file(folder_ + "/link").or_throw().sealing_id(), "2026");
}

TEST_F(KeyFile, IsOfTheProcesssUserOrOfRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  write(key_text("2026", 1));
  ASSERT_EQ(::chown(path_.c_str(), 65534, 0), 0);
  const auto keys = Keyring::from_file(path_);
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code, "insecure_file");
  EXPECT_NE(keys.error().message.find("belongs to user 65534"), std::string::npos) << keys.error().message;
}

TEST_F(KeyFile, IsNoKey) {
  const auto text = key_text("2026", 1);
  for (const auto& wrong : {text, text.substr(5), text + "," + key_text("2025", 2), " " + text}) {
    const auto keys = Keyring::from_file(wrong);
    ASSERT_FALSE(keys);
    EXPECT_EQ(keys.error().code, "invalid_keys");
    EXPECT_EQ(keys.error().message.find(text.substr(5, 8)), std::string::npos) << keys.error().message;
  }
}

TEST_F(KeyFile, SaysWhatIsWrongWithIt) {
  EXPECT_EQ(Keyring::from_file(path_).error().code, "no_file");
  EXPECT_EQ(Keyring::from_file(path_).error().retry, Retry::same_call);
  EXPECT_EQ(Keyring::from_file(folder_).error().code, "insecure_file");
  ASSERT_EQ(::mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
  EXPECT_EQ(Keyring::from_file(folder_ + "/pipe").error().code, "insecure_file") << "and nobody waits for its writer";
  write(key_text("2026", 1) + "\n" + std::string(64 << 10, '#'));
  EXPECT_EQ(Keyring::from_file(path_).error().code, "invalid_keys");
  for (const auto* const none : {"", "\n", "# 2026:later\n"}) {
    write(none);
    const auto keys = Keyring::from_file(path_);
    ASSERT_FALSE(keys) << none;
    EXPECT_EQ(keys.error().code, "invalid_keys");
    EXPECT_NE(keys.error().message.find(path_ + " has no keys"), std::string::npos) << keys.error().message;
  }
  write("2026:short");
  const auto keys = Keyring::from_file(path_);
  ASSERT_FALSE(keys);
  EXPECT_NE(keys.error().message.find(path_ + ": key 1"), std::string::npos) << keys.error().message;
}

}  // namespace
}  // namespace tidings
