#include "showing.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "testing/servers/keys.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "text_form.hpp"
#include "tidings/event/redact.hpp"

namespace tidings::cli {
namespace {

using testing::key_text;
using testing::keyring;

Envelope event() {
  Envelope envelope;
  envelope.id = "1";
  envelope.source = "shop";
  envelope.type = "shop.customer";
  envelope.data_content_type = "application/json";
  envelope.headers.set(redact_header, "/mail");
  envelope.payload = R"({"id":"7","mail":"ada@example.org"})";
  return envelope;
}
std::string shown(const Showing& showing, const Envelope& one) {
  Envelope kept;
  return std::string(showing.of(one.view(), kept).payload);
}
const std::string masked = R"({"id":"7","mail":"***"})";

TEST(Showing, MasksUnlessItIsAskedNotTo) {
  EXPECT_EQ(shown({}, event()), masked);
  EXPECT_EQ(shown({{}, true}, event()), event().payload);
  auto plain = event();
  plain.headers.remove(redact_header);
  EXPECT_EQ(shown({}, plain), plain.payload);
  auto ticket = event();
  ticket.payload.clear();
  EXPECT_EQ(shown({}, ticket), "") << "its payload waits in a folder";
}

TEST(Showing, OpensWithKeysAndStillMasks) {
  auto sealed = event();
  keyring(key_text("2026", 1)).seal(sealed).or_throw();
  const Showing with(keyring(key_text("2026", 1)), false);
  EXPECT_EQ(shown(with, sealed), masked);
  EXPECT_EQ(shown({keyring(key_text("2026", 1)), true}, sealed), event().payload);
  Envelope kept;
  const auto opened = with.of(sealed.view(), kept);
  EXPECT_EQ(opened.data_content_type, "application/json");
  EXPECT_TRUE(is_marked_for_sealing(opened)) << "so that it is not published again in the open";
  EXPECT_EQ(opened.headers.get(sealed_from_header), std::nullopt);
  for (const auto& without :
       {Showing(), Showing(keyring(key_text("2025", 1)), true), Showing(keyring(key_text("2026", 2)), true)}) {
    Envelope mine;
    const auto left = without.of(sealed.view(), mine);
    EXPECT_TRUE(is_sealed(left));
    EXPECT_EQ(told_of_seal(left), "sealed with key 2026");
    EXPECT_TRUE(TextForm(false).line({}, left).ends_with("  sealed with key 2026\n")) << TextForm(false).line({}, left);
  }
}

TEST(Showing, KeysComeFromAFile) {
  const auto folder = tidings::testing::TemporaryFolder::make("showing").or_throw();
  EXPECT_EQ(Showing::make(folder.path() + "/none", false).error().code, "no_file");
  const auto file = folder.path() + "/keys";
  std::ofstream(file) << key_text("2026", 1) << "\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);  // what others may read is no key
  auto sealed = event();
  keyring(key_text("2026", 1)).seal(sealed).or_throw();
  EXPECT_EQ(shown(Showing::make(file, false).or_throw(), sealed), masked);
  EXPECT_EQ(shown(Showing::make(file, true).or_throw(), sealed), event().payload);
}

TEST(Showing, KeysOfTwoPlacesAreRefusedAsByServices) {
  const auto folder = tidings::testing::TemporaryFolder::make("showing").or_throw();
  const auto path = folder.path() + "/keys";
  folder.write("keys", key_text("2026", 1)).or_throw();
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  ASSERT_TRUE(Showing::make(path, false));
  ::setenv("TIDINGS_ENCRYPTION__KEYS", key_text("2027", 2).c_str(), 1);
  const auto both = Showing::make(path, false);
  const auto one = Showing::make("", false);
  ::unsetenv("TIDINGS_ENCRYPTION__KEYS");
  EXPECT_TRUE(one);
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, "invalid_setting");
}

}  // namespace
}  // namespace tidings::cli
